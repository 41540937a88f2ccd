# A three-broker Kafka cluster on this machine, with a user and a topic.

terraform {
  required_version = ">= 1.11"

  required_providers {
    msk = {
      source = "openmsk/msk"
    }
  }
}

# Empty: the provider starts the runtime that is shipped with it, and finds it again next time.
provider "msk" {}

variable "password" {
  description = "Password of the Kafka user. It goes to the runtime and is kept neither in the plan nor in the state."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "brokers" {
  description = "Number of brokers. Apply again with 5, and two more join while clients work."
  type        = number
  default     = 3
}

resource "msk_configuration" "quickstart" {
  name        = "quickstart"
  description = "Settings of the quickstart cluster"

  server_properties = <<-EOT
    auto.create.topics.enable = false
    default.replication.factor = 3
    min.insync.replicas = 2
    log.retention.hours = 72
  EOT
}

resource "msk_cluster" "quickstart" {
  cluster_name           = "quickstart"
  number_of_broker_nodes = var.brokers

  configuration_info {
    arn      = msk_configuration.quickstart.arn
    revision = msk_configuration.quickstart.latest_revision
  }

  client_authentication {
    sasl {
      scram = true
    }
  }
}

resource "msk_scram_secret" "app" {
  cluster_arn = msk_cluster.quickstart.arn
  username    = "app"
  password_wo = var.password

  # Count up to send a new password.
  password_wo_version = 1
}

resource "msk_topic" "orders" {
  cluster_arn        = msk_cluster.quickstart.arn
  name               = "orders"
  partition_count    = 3
  replication_factor = 3
}

output "bootstrap_brokers_sasl_scram" {
  description = "Where Kafka clients connect: SASL_SSL with SCRAM-SHA-512."
  value       = msk_cluster.quickstart.bootstrap_brokers_sasl_scram
}

output "bootstrap_brokers_tls" {
  description = "TLS without authentication; empty unless client_authentication allows it."
  value       = msk_cluster.quickstart.bootstrap_brokers_tls
}

output "certificate_authority_pem" {
  description = "The authority that signed the brokers' certificates; clients have to trust it."
  value       = msk_cluster.quickstart.certificate_authority_pem
}

output "topic" {
  description = "The topic to produce to."
  value       = msk_topic.orders.name
}

output "username" {
  description = "The user to authenticate as, with the password you chose."
  value       = msk_scram_secret.app.username
}
