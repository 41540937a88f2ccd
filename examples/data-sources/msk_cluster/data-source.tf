data "msk_cluster" "orders" {
  cluster_name = "orders"
}

output "orders_bootstrap" {
  value = data.msk_cluster.orders.bootstrap_brokers_tls
}
