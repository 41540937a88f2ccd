# A cluster whose number of brokers is a variable. Apply it with 3, then with 5:
#
#   terraform apply
#   terraform apply -var brokers=5
#
# The new brokers join while clients work, and topics created from then on use them.

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
  description = "Number of brokers. It can grow; making it smaller is refused while planning."
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
  partition_count    = 2 * var.brokers
  replication_factor = 3
}

output "bootstrap_brokers_tls" {
  value = msk_cluster.metrics.bootstrap_brokers_tls
}
