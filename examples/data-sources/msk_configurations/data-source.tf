data "msk_configurations" "all" {
}

output "newest_revisions" {
  value = { for configuration in data.msk_configurations.all.configurations : configuration.name => configuration.latest_revision }
}
