# terraform test, or tofu test: makes a cluster, looks at it, and takes it away again.

variables {
  cluster_name = "module-test"

  users = {
    shop      = {}
    reporting = {}
  }
  passwords = {
    shop      = "only-for-this-test-1"
    reporting = "only-for-this-test-2"
  }
  topics = {
    orders = {
      partitions = 6
      configs    = { "retention.ms" = "3600000" }
      writers    = ["shop"]
      readers    = ["shop", "reporting"]
    }
    notes = {
      replication_factor = 2
    }
  }
}

run "a_cluster_with_topics_users_and_lists" {
  assert {
    condition     = length(split(",", output.bootstrap_brokers)) == 3
    error_message = "Three brokers are told: ${output.bootstrap_brokers}"
  }

  assert {
    condition     = output.topics["orders"] == { partitions = 6, replication_factor = 3 }
    error_message = "Topics have three replicas where nothing else is said."
  }

  assert {
    condition     = output.topics["notes"] == { partitions = 3, replication_factor = 2 }
    error_message = "What a topic says wins over the default."
  }

  assert {
    condition     = length(msk_acl.topics) == 3 && length(msk_acl.groups) == 2 && length(msk_acl.transactional_ids) == 1
    error_message = "Each user may do what the topics say."
  }
}

run "topics_grow" {
  variables {
    topics = {
      orders = { partitions = 12, configs = { "retention.ms" = "3600000" }, writers = ["shop"] }
    }
  }

  assert {
    condition     = output.topics == { orders = { partitions = 12, replication_factor = 3 } }
    error_message = "The topic has grown, and the other one is gone."
  }
}

run "names_are_checked" {
  command = plan

  variables {
    cluster_name = "no spaces"
  }

  expect_failures = [var.cluster_name]
}

run "more_replicas_than_brokers_are_refused" {
  command = plan

  variables {
    topics = { orders = { replication_factor = 4 } }
  }

  expect_failures = [var.topics]
}

run "strangers_are_refused" {
  command = plan

  variables {
    topics = { orders = { readers = ["nobody"] } }
  }

  expect_failures = [var.topics]
}
