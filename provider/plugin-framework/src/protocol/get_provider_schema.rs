//! GetProviderSchema: every schema. With `get_provider_schema_optional` Terraform asks once a command.

use tfplugin_proto::tfplugin6 as proto;

use super::server::Shared;

impl Shared {
    pub(crate) fn get_provider_schema(&self) -> proto::get_provider_schema::Response {
        let schemas = self.resources.iter();
        proto::get_provider_schema::Response {
            provider: Some(self.provider.schema().to_proto()),
            resource_schemas: schemas
                .map(|(name, it)| ((*name).to_owned(), it.schema().to_proto()))
                .collect(),
            data_source_schemas: self
                .data_sources
                .iter()
                .map(|(name, it)| ((*name).to_owned(), it.schema().to_proto()))
                .collect(),
            ephemeral_resource_schemas: self
                .ephemeral_resources
                .iter()
                .map(|(name, it)| ((*name).to_owned(), it.schema().to_proto()))
                .collect(),
            list_resource_schemas: self
                .list_resources
                .iter()
                .map(|(name, it)| ((*name).to_owned(), it.list_resource.schema().to_proto()))
                .collect(),
            action_schemas: self
                .actions
                .iter()
                .map(|(name, it)| {
                    let schema = Some(it.action.schema().to_proto());
                    ((*name).to_owned(), proto::ActionSchema { schema })
                })
                .collect(),
            functions: self.described_functions(),
            diagnostics: self.schema_problems().into_proto(),
            server_capabilities: Some(capabilities()),
            ..Default::default()
        }
    }
}

/// What this server can do that a core has to be told.
pub(super) fn capabilities() -> proto::ServerCapabilities {
    proto::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: true,
        generate_resource_config: true,
    }
}
