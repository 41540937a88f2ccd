data "msk_cluster" "with_topic" {
  cluster_name = "orders"
}

data "msk_topic" "events" {
  cluster_arn = data.msk_cluster.with_topic.arn
  name        = "events"
}

output "events_partitions" {
  value = data.msk_topic.events.partition_count
}
