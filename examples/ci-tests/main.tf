# A cluster for the time of a test run: one broker, nobody has to log in, gone after destroy. See ci.yml for the steps around it.
#
#   terraform init && terraform apply -auto-approve
#   export KAFKA_BOOTSTRAP=$(terraform output -raw bootstrap_brokers)
#   …your tests…
#   terraform destroy -auto-approve

terraform {
  required_version = ">= 1.11"

  required_providers {
    msk = {
      source = "openmsk/msk"
    }
  }
}

# A directory of its own, so that two runs on one machine know nothing of each other.
provider "msk" {
  data_dir = "${path.root}/.openmsk-tests"
}

variable "run" {
  description = "What tells this run from others, such as the number of the build."
  type        = string
  default     = "local"
}

variable "topics" {
  description = "Topics that the tests need, with their partitions."
  type        = map(number)
  default     = { orders = 3, payments = 1 }
}

resource "msk_cluster" "tests" {
  cluster_name           = "tests-${var.run}"
  number_of_broker_nodes = 1

  client_authentication {
    unauthenticated = true
  }

  encryption_info {
    encryption_in_transit {
      client_broker = "PLAINTEXT"
    }
  }
}

resource "msk_topic" "tests" {
  for_each = var.topics

  cluster_arn        = msk_cluster.tests.arn
  name               = each.key
  partition_count    = each.value
  replication_factor = 1
}

output "bootstrap_brokers" {
  description = "Where the tests connect, in plaintext."
  value       = msk_cluster.tests.bootstrap_brokers
}
