# terraform apply -invoke=action.msk_reboot_broker.second
action "msk_reboot_broker" "second" {
  config {
    cluster_arn = msk_cluster.orders.arn
    broker_ids  = [2]
  }
}
