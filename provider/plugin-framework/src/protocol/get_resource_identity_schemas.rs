//! GetResourceIdentitySchemas: what each resource type is known by. Terraform asks since 1.12.

use tfplugin_proto::tfplugin6 as proto;

use super::server::Shared;

impl Shared {
    pub(crate) fn get_resource_identity_schemas(&self) -> proto::get_resource_identity_schemas::Response {
        let schemas = self.resources.iter();
        proto::get_resource_identity_schemas::Response {
            identity_schemas: schemas
                .filter_map(|(name, it)| Some(((*name).to_owned(), it.identity_schema()?)))
                .collect(),
            diagnostics: Vec::new(),
        }
    }
}
