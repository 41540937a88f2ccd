# What the workflow beside this file watches. It runs every hour, and fails with a report when something was changed outside
# Terraform, or when the configuration and what runs are not the same.
#
# The provider finds the control plane by OPENMSK_ENDPOINT, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; a key that may only read is
# enough for a plan. Keep the state where the workflow finds it: replace the local backend by yours.

terraform {
  required_version = ">= 1.11"

  required_providers {
    msk = {
      source = "openmsk/msk"
    }
  }
}

provider "msk" {}

resource "msk_configuration" "orders" {
  name              = "orders"
  server_properties = <<-EOT
    auto.create.topics.enable = false
    min.insync.replicas = 2
  EOT
}

resource "msk_cluster" "orders" {
  cluster_name           = "orders"
  number_of_broker_nodes = 3

  configuration_info {
    arn      = msk_configuration.orders.arn
    revision = msk_configuration.orders.latest_revision
  }

  client_authentication {
    sasl {
      scram = true
    }
  }
}

resource "msk_topic" "orders" {
  cluster_arn        = msk_cluster.orders.arn
  name               = "orders"
  partition_count    = 6
  replication_factor = 3

  configs = {
    "retention.ms" = "604800000"
  }
}
