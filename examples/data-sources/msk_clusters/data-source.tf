data "msk_clusters" "all" {
}

# Clusters that somebody has to look after.
output "clusters_in_trouble" {
  value = [for cluster in data.msk_clusters.all.clusters : cluster.cluster_name if cluster.state != "ACTIVE"]
}
