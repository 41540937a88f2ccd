# One cluster for several teams: each has its topics, its user and its share of every broker, out of one map. A pull request that
# changes the map changes the cluster, and the plan shows whose.
#
#   export TF_VAR_passwords='{"shop":"…","reporting":"…"}'
#   terraform init && terraform apply

terraform {
  required_version = ">= 1.11"

  required_providers {
    msk = {
      source = "openmsk/msk"
    }
  }
}

provider "msk" {}

variable "teams" {
  description = "Teams by name: their topics with their partitions, the topics of others that they read, and what they may use of each broker, MiB a second."
  type = map(object({
    topics      = optional(map(number), {})
    reads       = optional(set(string), [])
    mib_per_sec = optional(number, 10)
  }))
  default = {
    shop = {
      topics      = { orders = 6, carts = 3 }
      mib_per_sec = 20
    }
    reporting = {
      reads = ["orders"]
    }
  }
}

variable "passwords" {
  description = "Passwords of the teams' users, by name of the team. Neither the plan nor the state keeps them."
  type        = map(string)
  sensitive   = true
  ephemeral   = true
}

locals {
  topics = merge([
    for team, it in var.teams : { for topic, partitions in it.topics : topic => { team = team, partitions = partitions } }
  ]...)
}

module "kafka" {
  source = "../modules/kafka"

  cluster_name = "platform"
  users        = { for team in keys(var.teams) : team => {} }
  passwords    = var.passwords

  topics = {
    for topic, it in local.topics : topic => {
      partitions = it.partitions
      writers    = [it.team]
      readers    = setunion([it.team], [for team, other in var.teams : team if contains(other.reads, topic)])
    }
  }
}

resource "msk_quota" "teams" {
  for_each = var.teams

  cluster_arn        = module.kafka.cluster_arn
  user               = each.key
  producer_byte_rate = each.value.mib_per_sec * 1024 * 1024
  consumer_byte_rate = each.value.mib_per_sec * 1024 * 1024
}

output "bootstrap_brokers" {
  description = "Where every team connects, over TLS, with its user."
  value       = module.kafka.bootstrap_brokers
}
