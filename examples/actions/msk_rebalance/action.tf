# terraform apply -invoke=action.msk_rebalance.orders
action "msk_rebalance" "orders" {
  config {
    cluster_arn = msk_cluster.orders.arn
    timeout     = "30m"
  }
}
