data "msk_cluster" "with_users" {
  cluster_name = "orders"
}

data "msk_scram_secrets" "all" {
  cluster_arn = data.msk_cluster.with_users.arn
}

output "secrets" {
  value = data.msk_scram_secrets.all.names
}
