output "cluster_uuid" {
  value = provider::msk::parse_cluster_arn("arn:aws:kafka:us-east-1:000000000000:cluster/orders/9d2e7c1a-1").cluster_uuid
}
