# A cluster whose number of brokers is a variable. Apply it with 3, then with 5, then with 3 again:
#
#   terraform apply
#   terraform apply -var brokers=5
#   terraform apply
#
# Brokers join and leave while clients work: data is moved onto those that join, and away from those that leave.

terraform {
  required_version = ">= 1.11"

  required_providers {
    msk = {
      source = "openmsk/msk"
    }
  }
}

provider "msk" {}

variable "brokers" {
  description = "Number of brokers. Fewer than a topic has replicas are refused while planning."
  type        = number
  default     = 3
}

resource "msk_cluster" "metrics" {
  cluster_name           = "metrics"
  number_of_broker_nodes = var.brokers

  client_authentication {
    unauthenticated = true
  }
}

resource "msk_topic" "samples" {
  cluster_arn        = msk_cluster.metrics.arn
  name               = "samples"
  partition_count    = 12
  replication_factor = 3
}

output "bootstrap_brokers_tls" {
  value = msk_cluster.metrics.bootstrap_brokers_tls
}
