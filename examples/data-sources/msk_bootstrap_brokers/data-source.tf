data "msk_clusters" "named" {
  name_prefix = "orders"
}

data "msk_bootstrap_brokers" "of_orders" {
  cluster_arn = data.msk_clusters.named.arns[0]
}

output "tls_endpoints" {
  value = provider::msk::bootstrap_brokers(data.msk_bootstrap_brokers.of_orders.bootstrap_brokers_tls)
}
