output "cluster_arn" {
  description = "ARN of the cluster."
  value       = msk_cluster.this.arn
}

output "bootstrap_brokers" {
  description = "Where users with passwords connect, over TLS: host:port, separated by commas."
  value       = msk_cluster.this.bootstrap_brokers_sasl_scram
}

output "certificate_authority_pem" {
  description = "The certificate authority that clients believe the brokers by."
  value       = msk_cluster.this.certificate_authority_pem
}

output "topics" {
  description = "Topics with their partitions and replicas."
  value = {
    for name, topic in msk_topic.topics : name => {
      partitions         = topic.partition_count
      replication_factor = topic.replication_factor
    }
  }
}
