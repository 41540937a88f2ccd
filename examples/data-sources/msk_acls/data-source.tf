data "msk_cluster" "with_acls" {
  cluster_name = "orders"
}

data "msk_acls" "of_app" {
  cluster_arn = data.msk_cluster.with_acls.arn
  principal   = "User:app"
}

output "app_may" {
  value = [for acl in data.msk_acls.of_app.acls : "${acl.operation} ${acl.resource_name}" if acl.permission == "ALLOW"]
}
