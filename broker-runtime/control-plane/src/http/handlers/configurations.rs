//! Configurations and their revisions.

use super::unavailable::unknown;
use crate::{
    error::OperationError,
    http::call::{Answer, Call, json},
    operations, queries,
};

pub(super) async fn answer(call: &Call<'_>) -> Answer {
    let (services, arn) = (call.services(), call.label("arn"));
    match call.operation.name {
        "CreateConfiguration" => {
            let attempt = call.request.attempt();
            json(&operations::create_configuration(services, call.world(), call.body()?, attempt).await?)
        }
        "DeleteConfiguration" => json(&operations::delete_configuration(services, arn).await?),
        "DescribeConfiguration" => json(&queries::describe_configuration(services, arn).await?),
        "DescribeConfigurationRevision" => {
            let revision = call.label("revision").parse();
            let revision = revision.map_err(|_| OperationError::invalid("revision", "the revision is not a number"))?;
            json(&queries::describe_configuration_revision(services, arn, revision).await?)
        }
        "ListConfigurations" => {
            let rows = queries::list_configurations(services, call.world()).await?;
            call.page("configurations", rows, |row| row.name.clone())
        }
        "ListConfigurationRevisions" => {
            let rows = queries::list_configuration_revisions(services, arn).await?;
            call.page("revisions", rows, |row| format!("{:020}", row.revision))
        }
        "UpdateConfiguration" => json(&operations::update_configuration(services, arn, call.body()?).await?),
        _ => unknown(call),
    }
}
