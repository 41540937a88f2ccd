resource "msk_configuration" "from_a_map" {
  name = "from-a-map"

  server_properties = provider::msk::server_properties({
    "log.retention.hours" = 24
    "min.insync.replicas" = 2
  })
}
