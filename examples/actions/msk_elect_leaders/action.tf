# terraform apply -invoke=action.msk_elect_leaders.orders
action "msk_elect_leaders" "orders" {
  config {
    cluster_arn = msk_cluster.orders.arn
  }
}
