data "msk_cluster" "with_acl" {
  cluster_name = "orders"
}

data "msk_acl" "app_reads" {
  cluster_arn   = data.msk_cluster.with_acl.arn
  resource_type = "TOPIC"
  resource_name = "events"
  principal     = "User:app"
  operation     = "READ"
}

output "import_id" {
  value = data.msk_acl.app_reads.id
}
