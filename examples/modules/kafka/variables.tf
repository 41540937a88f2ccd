variable "cluster_name" {
  description = "Name of the cluster: letters, digits and hyphens, at most 64."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9][a-zA-Z0-9-]{0,63}$", var.cluster_name))
    error_message = "A cluster's name has letters, digits and hyphens, at most 64, and begins with none of the last."
  }
}

variable "brokers" {
  description = "Number of brokers. With three or more, topics have three replicas unless they say otherwise."
  type        = number
  default     = 3

  validation {
    condition     = var.brokers >= 1 && floor(var.brokers) == var.brokers
    error_message = "A cluster has one broker at least, and whole ones."
  }
}

variable "server_properties" {
  description = "Server properties beside those of the module, which no topic is made by accident with."
  type        = map(string)
  default     = {}
}

variable "topics" {
  description = "Topics by name, with who reads and who writes them."
  type = map(object({
    partitions         = optional(number, 3)
    replication_factor = optional(number)
    configs            = optional(map(string), {})
    readers            = optional(set(string), [])
    writers            = optional(set(string), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for topic in var.topics : topic.partitions >= 1])
    error_message = "A topic has one partition at least."
  }

  validation {
    condition     = alltrue([for topic in var.topics : coalesce(topic.replication_factor, 1) <= var.brokers])
    error_message = "A topic has no more replicas than there are brokers."
  }

  validation {
    condition = alltrue(flatten([
      for topic in var.topics : [for user in setunion(topic.readers, topic.writers) : contains(keys(var.users), user)]
    ]))
    error_message = "Who reads or writes a topic has to be one of the users."
  }
}

variable "users" {
  description = "Users by name. Count password_version up whenever the password is another one."
  type = map(object({
    password_version = optional(number, 1)
  }))
  default = {}
}

variable "passwords" {
  description = "Passwords of the users, by name. Neither the plan nor the state keeps them."
  type        = map(string)
  sensitive   = true
  ephemeral   = true
  default     = {}
}
