data "msk_cluster" "with_nodes" {
  cluster_name = "orders"
}

data "msk_broker_nodes" "orders" {
  cluster_arn = data.msk_cluster.with_nodes.arn
}

output "brokers_by_zone" {
  value = {
    for broker in data.msk_broker_nodes.orders.node_info_list : broker.client_subnet => broker.client_vpc_ip_address...
  }
}
