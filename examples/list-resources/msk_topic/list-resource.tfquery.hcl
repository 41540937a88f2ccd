variable "cluster_arn" {
  type = string
}

list "msk_topic" "all" {
  provider = msk

  config {
    cluster_arn = var.cluster_arn
    name_prefix = "ev"
  }
}
