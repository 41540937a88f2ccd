list "msk_serverless_cluster" "of_team" {
  provider = msk

  config {
    name_prefix = "team-"
  }
}
