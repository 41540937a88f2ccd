//! Configurations and their revisions.

use control_plane_api::configurations::*;
use http::Method;

use crate::{
    error::Result,
    paging::{Page, Paged},
    transport::{Call, Client, segment},
};

impl Paged for ListConfigurationsResponse {
    type Item = Configuration;

    fn into_page(self) -> Page<Configuration> {
        (self.configurations, self.next_token)
    }
}

impl Paged for ListConfigurationRevisionsResponse {
    type Item = ConfigurationRevision;

    fn into_page(self) -> Page<ConfigurationRevision> {
        (self.revisions, self.next_token)
    }
}

fn path(arn: &str) -> String {
    format!("/v1/configurations/{}", segment(arn))
}

impl Client {
    /// Creates a configuration with its first revision.
    ///
    /// With the same token and request again, the answer is the first one again.
    pub async fn create_configuration(
        &self,
        request: &CreateConfigurationRequest,
        idempotency_token: Option<&str>,
    ) -> Result<Configuration> {
        let call = Call::new("create_configuration", Method::POST, "/v1/configurations".to_owned())
            .idempotent(idempotency_token)
            .json(request);
        self.call(call).await
    }

    /// Says whether a configuration could be created, and creates none. The token is that of the creation to come.
    pub async fn validate_configuration(
        &self,
        request: &CreateConfigurationRequest,
        idempotency_token: &str,
    ) -> Result<()> {
        let call = Call::new("validate_configuration", Method::POST, "/v1/configurations".to_owned())
            .idempotent(Some(idempotency_token))
            .json(request);
        self.call_for_nothing(call.validate_only()).await
    }

    /// A configuration, without its text.
    pub async fn describe_configuration(&self, arn: &str) -> Result<DescribeConfigurationResponse> {
        self.call(Call::get("describe_configuration", path(arn))).await
    }

    /// A revision, with its text.
    pub async fn describe_configuration_revision(
        &self,
        arn: &str,
        revision: i64,
    ) -> Result<DescribeConfigurationRevisionResponse> {
        let path = format!("{}/revisions/{revision}", path(arn));
        self.call(Call::get("describe_configuration_revision", path)).await
    }

    /// Adds a revision.
    pub async fn update_configuration(
        &self,
        arn: &str,
        request: &UpdateConfigurationRequest,
    ) -> Result<UpdateConfigurationResponse> {
        let call = Call::new("update_configuration", Method::PUT, path(arn));
        self.call(call.json(request)).await
    }

    /// Deletes a configuration and all of its revisions.
    pub async fn delete_configuration(&self, arn: &str) -> Result<DeleteConfigurationResponse> {
        let call = Call::new("delete_configuration", Method::DELETE, path(arn));
        self.call(call).await
    }

    /// All configurations.
    pub async fn list_configurations(&self) -> Result<Vec<Configuration>> {
        self.all_pages::<ListConfigurationsResponse>("list_configurations", || {
            Call::get("list_configurations", "/v1/configurations".to_owned())
        })
        .await
    }

    /// All revisions of a configuration.
    pub async fn list_configuration_revisions(&self, arn: &str) -> Result<Vec<ConfigurationRevision>> {
        self.all_pages::<ListConfigurationRevisionsResponse>("list_configuration_revisions", || {
            Call::get("list_configuration_revisions", format!("{}/revisions", path(arn)))
        })
        .await
    }
}
