# A file for Apache Kafka's console tools: --command-config client.properties
output "client_properties" {
  value = provider::msk::client_configuration("java", "127.16.0.1:9094", { ca_file = "ca.pem" })
}
