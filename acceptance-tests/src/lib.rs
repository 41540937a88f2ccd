//! Proof by outsiders: real Terraform, real Kafka clients, boto3, faults, benchmarks and style rules.
