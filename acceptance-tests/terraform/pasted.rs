//! Blocks of `hashicorp/aws` paste over with the prefix removed: every argument is honoured, or explained.

use std::path::PathBuf;

use acceptance_tests::{
    suite::Suite,
    terraform::{REQUIRED_PROVIDERS, Workspace},
    tools::Tools,
};
use anyhow::{Result, ensure};

use crate::bad_input::expect_error;

/// Every argument that a person may set.
const PASTED: &str = r#"
resource "aws_msk_configuration" "example" {
  name              = "example"
  kafka_versions    = ["4.1.x.kraft"]
  description       = "an example"
  server_properties = <<PROPERTIES
auto.create.topics.enable = true
delete.topic.enable = true
PROPERTIES
}
resource "aws_msk_cluster" "example" {
  cluster_name           = "example"
  kafka_version          = "4.1.x.kraft"
  number_of_broker_nodes = 3
  enhanced_monitoring    = "PER_TOPIC_PER_BROKER"
  storage_mode           = "LOCAL"

  broker_node_group_info {
    az_distribution = "DEFAULT"
    instance_type   = "kafka.m5.large"
    client_subnets  = ["subnet-1", "subnet-2", "subnet-3"]
    security_groups = ["sg-1"]
    storage_info {
      ebs_storage_info {
        volume_size = 100
        provisioned_throughput {
          enabled = false
        }
      }
    }
    connectivity_info {
      network_type = "IPV4"
      public_access {
        type = "DISABLED"
      }
      vpc_connectivity {
        client_authentication {
          tls = false
          sasl {
            iam   = false
            scram = false
          }
        }
      }
    }
  }
  client_authentication {
    unauthenticated = true
    sasl {
      iam   = true
      scram = true
    }
    tls {
      certificate_authority_arns = []
    }
  }
  configuration_info {
    arn      = aws_msk_configuration.example.arn
    revision = aws_msk_configuration.example.latest_revision
  }
  encryption_info {
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }
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
      cloudwatch_logs {
        enabled   = false
        log_group = "group"
      }
      firehose {
        enabled         = false
        delivery_stream = "stream"
      }
      s3 {
        enabled = true
        bucket  = "logs"
        prefix  = "logs/msk-"
      }
    }
  }
  rebalancing {
    status = "ACTIVE"
  }
  tags = {
    foo = "bar"
  }
  timeouts {
    create = "2h"
    update = "2h"
    delete = "2h"
  }
}
resource "aws_msk_serverless_cluster" "example" {
  cluster_name = "example-serverless"
  vpc_config {
    subnet_ids         = ["subnet-1", "subnet-2"]
    security_group_ids = ["sg-1"]
  }
  client_authentication {
    sasl {
      iam {
        enabled = true
      }
    }
  }
}
"#;

/// What is asked for and cannot be had, and what says so.
const EXPLAINED: [(&str, &str, &str); 3] = [
    (
        "enabled = false\n        }\n      }",
        "enabled           = true\n          volume_throughput = 250\n        }\n      }",
        "storage_info.ebs_storage_info.provisioned_throughput",
    ),
    ("iam   = false", "iam   = true", "connectivity_info.vpc_connectivity"),
    (
        "cloudwatch_logs {\n        enabled   = false",
        "cloudwatch_logs {\n        enabled   = true",
        "cloudwatch_logs",
    ),
];

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools) {
    crate::for_each_core(suite, tools, "blocks_of_the_aws_provider_paste_over", pasted);
}

fn pasted(core: PathBuf) -> Result<()> {
    let text = format!("{REQUIRED_PROVIDERS}{}", PASTED.replace("aws_msk_", "msk_"));
    let workspace = Workspace::new(&core)?;
    workspace.write(&text)?;
    let applied = workspace.apply()?.text();
    for idle in ["client_subnets", "security_groups", "az_distribution"] {
        ensure!(
            applied.contains(idle),
            "nothing says that {idle} has no effect:\n{applied}"
        );
    }
    ensure!(!applied.contains("vpc_connectivity has"), "{applied}");
    workspace.expect_empty_plan()?;
    for (has, wants, said) in EXPLAINED {
        ensure!(text.contains(has), "{has}");
        workspace.write(&text.replace(has, wants))?;
        let planned = workspace.succeed(&["plan", "-no-color", "-input=false"])?.text();
        let flat = planned
            .replace('│', " ")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        ensure!(
            flat.contains(said) && flat.contains("no effect"),
            "{said} is not in:\n{planned}"
        );
    }
    workspace.write(&text.replace("\"LOCAL\"", "\"TIERED\""))?;
    expect_error(
        &workspace,
        "plan",
        &["Tiered storage is not available yet", "storage_mode"],
    )?;
    workspace.write(&text)?;
    workspace.destroy()?;
    Ok(())
}
