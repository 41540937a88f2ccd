output "min_insync_replicas" {
  value = provider::msk::parse_server_properties("min.insync.replicas = 2\nnum.partitions = 6\n")["min.insync.replicas"]
}
