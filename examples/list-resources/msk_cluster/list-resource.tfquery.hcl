list "msk_cluster" "all" {
  provider         = msk
  include_resource = true
}
