data "msk_kafka_versions" "offered" {
}

output "newest_version" {
  value = reverse(data.msk_kafka_versions.offered.versions)[0]
}
