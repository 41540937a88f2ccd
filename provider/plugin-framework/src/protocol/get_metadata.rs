//! GetMetadata: names of types, without their schemas. No core calls it today.

use tfplugin_proto::tfplugin6 as proto;

use super::server::Shared;

impl Shared {
    pub(crate) fn get_metadata(&self) -> proto::get_metadata::Response {
        let resources = self.resources.keys();
        proto::get_metadata::Response {
            server_capabilities: Some(super::get_provider_schema::capabilities()),
            resources: resources
                .map(|name| proto::get_metadata::ResourceMetadata {
                    type_name: (*name).to_owned(),
                })
                .collect(),
            data_sources: self
                .data_sources
                .keys()
                .map(|name| proto::get_metadata::DataSourceMetadata {
                    type_name: (*name).to_owned(),
                })
                .collect(),
            ephemeral_resources: self
                .ephemeral_resources
                .keys()
                .map(|name| proto::get_metadata::EphemeralResourceMetadata {
                    type_name: (*name).to_owned(),
                })
                .collect(),
            list_resources: self
                .list_resources
                .keys()
                .map(|name| proto::get_metadata::ListResourceMetadata {
                    type_name: (*name).to_owned(),
                })
                .collect(),
            actions: self
                .actions
                .keys()
                .map(|name| proto::get_metadata::ActionMetadata {
                    type_name: (*name).to_owned(),
                })
                .collect(),
            functions: self
                .functions
                .keys()
                .map(|name| proto::get_metadata::FunctionMetadata {
                    name: (*name).to_owned(),
                })
                .collect(),
            ..Default::default()
        }
    }
}
