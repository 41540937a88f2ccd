data "msk_cluster" "with_quotas" {
  cluster_name = "orders"
}

data "msk_quotas" "all" {
  cluster_arn = data.msk_cluster.with_quotas.arn
}

output "users_with_quotas" {
  value = [for quota in data.msk_quotas.all.quotas : quota.user if quota.user != null]
}
