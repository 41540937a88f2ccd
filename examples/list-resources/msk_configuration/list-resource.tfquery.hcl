list "msk_configuration" "all" {
  provider = msk
  limit    = 50
}
