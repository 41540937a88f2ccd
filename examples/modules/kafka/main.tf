# A cluster for a team: topics, users, and access control lists that let each user do what the topics say, and nothing else.

locals {
  replication_factor = min(var.brokers, 3)

  server_properties = merge({
    "allow.everyone.if.no.acl.found" = "false"
    "auto.create.topics.enable"      = "false"
    "min.insync.replicas"            = local.replication_factor == 3 ? "2" : "1"
  }, var.server_properties)

  # One list for each user, topic and operation; reading and writing include seeing.
  access = merge([
    for name, topic in var.topics : merge(
      { for user in topic.readers : "${user} READ ${name}" => { user = user, operation = "READ", topic = name } },
      { for user in topic.writers : "${user} WRITE ${name}" => { user = user, operation = "WRITE", topic = name } },
    )
  ]...)
  readers = toset(flatten([for topic in var.topics : tolist(topic.readers)]))
  writers = toset(flatten([for topic in var.topics : tolist(topic.writers)]))
}

resource "msk_configuration" "this" {
  name              = var.cluster_name
  server_properties = join("\n", [for name, value in local.server_properties : "${name} = ${value}"])
}

resource "msk_cluster" "this" {
  cluster_name           = var.cluster_name
  number_of_broker_nodes = var.brokers

  configuration_info {
    arn      = msk_configuration.this.arn
    revision = msk_configuration.this.latest_revision
  }

  client_authentication {
    sasl {
      scram = true
    }
  }
}

resource "msk_scram_secret" "users" {
  for_each = var.users

  cluster_arn         = msk_cluster.this.arn
  username            = each.key
  password_wo         = var.passwords[each.key]
  password_wo_version = each.value.password_version
}

resource "msk_topic" "topics" {
  for_each = var.topics

  cluster_arn        = msk_cluster.this.arn
  name               = each.key
  partition_count    = each.value.partitions
  replication_factor = coalesce(each.value.replication_factor, local.replication_factor)
  configs            = each.value.configs
}

resource "msk_acl" "topics" {
  for_each = local.access

  cluster_arn   = msk_cluster.this.arn
  resource_type = "TOPIC"
  resource_name = msk_topic.topics[each.value.topic].name
  principal     = "User:${each.value.user}"
  operation     = each.value.operation
}

# Groups and transactional ids that begin with the user's name and a hyphen are the user's.
resource "msk_acl" "groups" {
  for_each = local.readers

  cluster_arn   = msk_cluster.this.arn
  resource_type = "GROUP"
  resource_name = "${each.key}-"
  pattern_type  = "PREFIXED"
  principal     = "User:${each.key}"
  operation     = "READ"
}

resource "msk_acl" "transactional_ids" {
  for_each = local.writers

  cluster_arn   = msk_cluster.this.arn
  resource_type = "TRANSACTIONAL_ID"
  resource_name = "${each.key}-"
  pattern_type  = "PREFIXED"
  principal     = "User:${each.key}"
  operation     = "WRITE"
}
