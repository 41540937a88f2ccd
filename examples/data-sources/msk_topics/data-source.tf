data "msk_cluster" "with_topics" {
  cluster_name = "orders"
}

data "msk_topics" "events" {
  cluster_arn = data.msk_cluster.with_topics.arn
  name_prefix = "events"
}

output "partitions_by_topic" {
  value = { for topic in data.msk_topics.events.topics : topic.name => topic.partition_count }
}
