data "msk_kafka_version" "preferred" {
  preferred_versions = ["4.9.x.kraft", "4.2.x.kraft", "4.1.x.kraft"]
}

output "kafka_version" {
  value = data.msk_kafka_version.preferred.version
}
