//! Generated types of Terraform's plugin protocol 6 (`tfplugin6`) and of the services a plugin serves for its host
//! (`plugin_host`). No behaviour. The sources are in `proto/`, transcribed by us.

/// Terraform plugin protocol 6.
#[expect(missing_docs, clippy::pedantic, clippy::too_many_lines, reason = "generated")]
pub mod tfplugin6 {
    tonic::include_proto!("tfplugin6");
}

/// Services of the plugin host: controller, standard streams, broker.
#[expect(missing_docs, clippy::pedantic, reason = "generated")]
pub mod plugin_host {
    tonic::include_proto!("plugin");
}
