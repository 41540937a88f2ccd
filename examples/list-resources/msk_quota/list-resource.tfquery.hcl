variable "cluster_arn" {
  type = string
}

list "msk_quota" "all" {
  provider = msk

  config {
    cluster_arn = var.cluster_arn
  }
}
