output "brokers" {
  value = provider::msk::bootstrap_brokers("127.16.0.2:9094,127.16.0.1:9094")
}
