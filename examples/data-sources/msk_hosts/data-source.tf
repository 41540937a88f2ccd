data "msk_hosts" "active" {
  state = "ACTIVE"
}

output "hosts_by_zone" {
  value = {
    for host in data.msk_hosts.active.hosts : host.zone => host.name...
  }
}
