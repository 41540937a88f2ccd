variable "cluster_arn" {
  type = string
}

list "msk_cluster_policy" "all" {
  provider = msk

  config {
    cluster_arn = var.cluster_arn
  }
}
