# A cluster that Prometheus watches, with the logs of its brokers in a bucket.
#
#   terraform apply
#   terraform output -raw prometheus > prometheus.yml && prometheus
#
# A bucket is a directory below buckets/ in the runtime's data directory.

terraform {
  required_version = ">= 1.11"

  required_providers {
    msk = {
      source = "openmsk/msk"
    }
  }
}

provider "msk" {}

resource "msk_cluster" "watched" {
  cluster_name           = "watched"
  number_of_broker_nodes = 3

  open_monitoring {
    prometheus {
      jmx_exporter {
        enabled_in_broker = true
      }
      node_exporter {
        enabled_in_broker = true
      }
    }
  }

  logging_info {
    broker_logs {
      s3 {
        enabled = true
        bucket  = "broker-logs"
        prefix  = "watched"
      }
    }
  }
}

data "msk_broker_nodes" "watched" {
  cluster_arn = msk_cluster.watched.arn
}

locals {
  exporters = { jmx = 11001, node = 11002 }
  brokers   = flatten(data.msk_broker_nodes.watched.node_info_list[*].endpoints)
}

output "prometheus" {
  description = "A configuration for Prometheus."
  value = yamlencode({
    scrape_configs = [
      for job, port in local.exporters : {
        job_name       = job
        static_configs = [{ targets = formatlist("%s:%d", local.brokers, port) }]
      }
    ]
  })
}
