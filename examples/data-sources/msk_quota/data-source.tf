data "msk_cluster" "with_quota" {
  cluster_name = "orders"
}

data "msk_quota" "app" {
  cluster_arn = data.msk_cluster.with_quota.arn
  user        = "app"
}

output "app_bytes_a_second" {
  value = data.msk_quota.app.producer_byte_rate
}
