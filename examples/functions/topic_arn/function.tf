# All topics whose name begins with events, for a policy.
output "events_arn" {
  value = provider::msk::topic_arn("arn:aws:kafka:us-east-1:000000000000:cluster/orders/9d2e7c1a-1", "events*")
}
