data "msk_cluster" "with_user" {
  cluster_name = "orders"
}

data "msk_scram_secret" "app" {
  cluster_arn = data.msk_cluster.with_user.arn
  username    = "app"
}

output "app_secret" {
  value = data.msk_scram_secret.app.name
}
