data "msk_configuration" "orders" {
  name = "orders"
}

output "retention_hours" {
  value = provider::msk::parse_server_properties(data.msk_configuration.orders.server_properties)["log.retention.hours"]
}
