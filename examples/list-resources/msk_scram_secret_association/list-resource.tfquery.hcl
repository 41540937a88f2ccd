variable "cluster_arn" {
  type = string
}

list "msk_scram_secret_association" "all" {
  provider = msk

  config {
    cluster_arn = var.cluster_arn
  }
}
