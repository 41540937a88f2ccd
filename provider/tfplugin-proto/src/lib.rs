//! Generated types of Terraform plugin protocol 6 and of the plugin host's own services.
