data "msk_cluster" "with_policy" {
  cluster_name = "orders"
}

data "msk_cluster_policy" "orders" {
  cluster_arn = data.msk_cluster.with_policy.arn
}

output "allowed_actions" {
  value = flatten(jsondecode(data.msk_cluster_policy.orders.policy).Statement[*].Action)
}
