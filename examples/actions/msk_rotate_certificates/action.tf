# terraform apply -invoke=action.msk_rotate_certificates.orders
action "msk_rotate_certificates" "orders" {
  config {
    cluster_arn = msk_cluster.orders.arn
  }
}
