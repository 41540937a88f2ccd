//! `msk_configuration`: settings in revisions. The text is checked while planning, line by line.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use control_plane_api::{
    configurations::{CreateConfigurationRequest, DescribeConfigurationResponse, UpdateConfigurationRequest},
    server_properties::{self, ServerProperties},
};
use control_plane_client::{Client, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, Plan, ReadRequest, Resource, StateSink,
    model::{Field, Model},
    schema::Schema,
    value::{Object, Path, Value},
};

use super::{
    creations::{Creations, settle},
    foresight::Foresight,
    without_effect,
};
use crate::{arn, control_plane::ControlPlane, diagnostics, moved, patience::patiently, timeouts};

/// Longest name, as MSK has it.
const NAME_CHARS_MAX: usize = 256;

/// Settings that clusters can share, kept in revisions.
#[derive(Clone, Debug, Default, Model)]
struct ConfigurationModel {
    /// Name of the configuration.
    #[attribute(required, replaces = "the name is the identity of a configuration", check = check_name)]
    name: Field<String>,
    /// Settings, one `name = value` a line. Each line is checked while planning.
    #[attribute(required, same_meaning = |one, other| same_properties(one.as_str(), other.as_str()))]
    server_properties: Field<String>,
    /// What the configuration is for.
    #[attribute(optional)]
    description: Field<String>,
    /// Versions of Kafka the configuration is meant for.
    #[attribute(optional)]
    kafka_versions: Field<BTreeSet<String>>,
    /// ARN of the configuration.
    #[attribute(computed, stable)]
    arn: Field<String>,
    /// ARN of the configuration.
    #[attribute(computed, stable)]
    id: Field<String>,
    /// The newest revision; clusters that refer to it are updated in the same apply.
    #[attribute(computed)]
    latest_revision: Field<i64>,
}

impl ConfigurationModel {
    /// All that the control plane is asked to make is known.
    fn is_known(&self) -> bool {
        let texts = [&self.name, &self.server_properties, &self.description];
        !self.kafka_versions.is_unknown() && !texts.into_iter().any(Field::is_unknown)
    }

    /// The request for a new configuration.
    fn create_request(&self) -> CreateConfigurationRequest {
        CreateConfigurationRequest {
            name: self.name.or_default(),
            description: self.description.cloned(),
            kafka_versions: self.kafka_versions.or_default().into_iter().collect(),
            server_properties: self.server_properties.or_default().as_str().into(),
        }
    }

    /// What a state says after an answer of the control plane.
    fn write(&mut self, description: DescribeConfigurationResponse) {
        self.arn = description.arn.as_str().into();
        self.id = description.arn.into();
        self.name = description.name.into();
        self.latest_revision = description.latest_revision.revision.into();
        self.description.follow(description.description);
        self.kafka_versions
            .follow(description.kafka_versions.into_iter().collect());
    }
}

/// The resource type.
pub(crate) struct Configuration {
    control_plane: Arc<ControlPlane>,
    creations: Arc<Creations>,
    foresight: Arc<Foresight>,
    schema: Schema,
}

impl Configuration {
    pub(crate) fn new(
        control_plane: Arc<ControlPlane>,
        (creations, foresight): (Arc<Creations>, Arc<Foresight>),
    ) -> Self {
        Self {
            control_plane,
            creations,
            foresight,
            schema: ConfigurationModel::schema(),
        }
    }

    /// Says why the configuration could not be made.
    async fn foresee(&self, planned: &ConfigurationModel) -> Diagnostics {
        if !planned.is_known() {
            return Diagnostics::none();
        }
        let wanted = planned.create_request();
        let name = wanted.name.clone();
        let token = self.creations.token("msk_configuration", &name);
        let asked = |client: Client| async move { client.validate_configuration(&wanted, &token).await };
        let (named, doing) = (
            ("msk_configuration", name.as_str()),
            format!("create configuration {name:?}"),
        );
        self.foresight.check(&self.control_plane, named, &doing, asked).await
    }
}

#[async_trait]
impl Resource for Configuration {
    fn type_name(&self) -> &'static str {
        "msk_configuration"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity(&self) -> &'static [&'static str] {
        &["arn"]
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        config
            .string("server_properties")
            .map_or_else(Diagnostics::none, check_properties)
    }

    async fn plan(&self, _context: &Context, plan: &mut Plan<'_>) -> Diagnostics {
        let planned = ConfigurationModel::from_object(plan.planned);
        let Some(prior) = plan.prior.map(ConfigurationModel::from_object) else {
            return self.foresee(&planned).await;
        };
        // What is not known yet may turn out to be the same; the plan at apply knows.
        let versions_stay = planned.kafka_versions.is_unknown() || planned.kafka_versions == prior.kafka_versions;
        if plan.replaces.is_empty() && !versions_stay {
            return Diagnostics::from_attribute_error(
                Path::attribute("kafka_versions"),
                "kafka_versions cannot be changed",
                "The versions a configuration is meant for are fixed when it is made. Give the changed one another name.",
            );
        }
        self.foresight.is_there("msk_configuration", &prior.name.or_default());
        match (prior.server_properties.as_str(), planned.server_properties.as_str()) {
            (Some(has), Some(wants)) if plan.replaces.is_empty() => restart_warning(has, wants),
            _ => Diagnostics::none(),
        }
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        self.foresight.is_applied();
        let mut state = ConfigurationModel::from_object(&request.planned);
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let (name, wanted) = (state.name.or_default(), state.create_request());
        let doing = format!("create configuration {name:?}");
        let token = match self.creations.begin(self.type_name(), &name, sink) {
            Ok(token) => token,
            Err(diagnostics) => return diagnostics,
        };
        let made = client.create_configuration(&wanted, Some(&token));
        match patiently(context, timeouts::DEFAULT, &doing, made).await {
            Ok(made) => {
                state.write(made);
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Err(error) if error.is_conflict() => {
                diagnostics::of_existing("configuration", &name, "msk_configuration.NAME ARN")
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = ConfigurationModel::from_object(&request.prior);
        let arn = state.arn.or_default();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let doing = format!("read configuration {arn}");
        match patiently(context, timeouts::DEFAULT, &doing, describe(&client, &arn)).await {
            Ok((found, text)) => {
                if !same_properties(state.server_properties.as_str(), Some(&text)) {
                    state.server_properties = text.into();
                }
                self.foresight.is_there("msk_configuration", &found.name);
                state.write(found);
                settle(&client, sink).await;
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Err(error) if error.is_not_found() => {
                sink.remove();
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn update(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = ConfigurationModel::from_object(&request.planned);
        let arn = state.arn.or_default();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let wanted = UpdateConfigurationRequest {
            description: state.description.cloned(),
            server_properties: state.server_properties.or_default().as_str().into(),
        };
        let changed = async {
            client.update_configuration(&arn, &wanted).await?;
            client.describe_configuration(&arn).await
        };
        let doing = format!("change configuration {arn}");
        match patiently(context, timeouts::DEFAULT, &doing, changed).await {
            Ok(found) => {
                state.write(found);
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn delete(&self, context: &Context, request: DeleteRequest) -> Diagnostics {
        let arn = ConfigurationModel::from_object(&request.prior).arn.or_default();
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let doing = format!("delete configuration {arn}");
        match patiently(context, timeouts::DEFAULT, &doing, client.delete_configuration(&arn)).await {
            Err(error) if !error.is_not_found() => diagnostics::of_call(&doing, &error),
            _ => Diagnostics::none(),
        }
    }

    fn moved_id(&self, source: &str, state: &serde_json::Value) -> Option<String> {
        moved::id_of(source, "aws_msk_configuration", state, &["arn"])
    }

    async fn import(&self, _context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        if !arn::is_configuration(id.trim()) {
            return Err(Diagnostics::from_error(
                "This is not the id of a configuration",
                format!("{id:?} is not the ARN of a configuration."),
            ));
        }
        let state = ConfigurationModel {
            arn: id.trim().into(),
            ..ConfigurationModel::default()
        };
        Ok(state.to_object())
    }
}

/// A configuration and the text of its newest revision.
async fn describe(client: &Client, arn: &str) -> Result<(DescribeConfigurationResponse, String)> {
    let found = client.describe_configuration(arn).await?;
    let revision = found.latest_revision.revision;
    let text = client.describe_configuration_revision(arn, revision).await?;
    Ok((found, String::from_utf8_lossy(&text.server_properties.0).into_owned()))
}

fn check_name(value: &Value) -> Vec<String> {
    let name = value.as_str().unwrap_or_default();
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return vec![format!("a name has 1 to {NAME_CHARS_MAX} characters")];
    }
    match name.chars().find(|character| !allowed(*character)) {
        Some(wrong) => vec![format!(
            "{wrong:?} may not be in a name, which has letters, digits, '-', '_' and '.' only"
        )],
        None => Vec::new(),
    }
}

/// Whether two texts set the same properties to the same values.
fn same_properties(one: Option<&str>, other: Option<&str>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return false;
    };
    if one == other {
        return true;
    }
    match (server_properties::parse(one), server_properties::parse(other)) {
        (Ok(one), Ok(other)) => one.into_map() == other.into_map(),
        _ => false,
    }
}

/// Says which changes only a restart of brokers puts in force, where there are some.
fn restart_warning(has: &str, wants: &str) -> Diagnostics {
    let parse = |text| server_properties::parse(text).unwrap_or_default();
    let changes = ServerProperties::restarting_changes(&parse(has), &parse(wants));
    let mut diagnostics = Diagnostics::none();
    if !changes.is_empty() {
        diagnostics.attribute_warning(
            Path::attribute("server_properties"),
            "Clusters that take this up restart their brokers",
            format!(
                "Only a restart puts {} in force. Brokers are restarted one after the other: leaders move away first, and the next one \
                 has to wait until the last one is in sync again, so clients go on.",
                changes.join(", ")
            ),
        );
    }
    diagnostics
}

/// One error for each line that is wrong.
fn check_properties(text: &str) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    for problem in server_properties::parse(text).err().unwrap_or_default() {
        diagnostics.attribute_error(
            Path::attribute("server_properties"),
            format!("Line {} of server_properties is wrong", problem.line),
            format!("{problem}."),
        );
    }
    let set = server_properties::parse(text).unwrap_or_default();
    diagnostics.extend(without_effect::warning(
        "server_properties",
        set.iter().map(|(name, _)| name),
    ));
    diagnostics.extend(without_effect::refused("server_properties", set.iter()));
    diagnostics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_will_take_the_schema() {
        assert_eq!(ConfigurationModel::schema().problems(), Vec::<String>::new());
    }

    #[test]
    fn spelling_order_and_comments_are_no_change() {
        let one = "# a comment\nnum.partitions = 3\nlog.retention.hours=72\n";
        let other = "log.retention.hours: 72\nnum.partitions=3";
        assert!(same_properties(Some(one), Some(other)));
        assert!(!same_properties(Some(one), Some("num.partitions=3")));
    }

    #[test]
    fn each_wrong_line_is_an_error_on_the_text() {
        let diagnostics = check_properties("num.partitions=3\nnum.partition=3\nmin.insync.replicas=two\n");
        let found: Vec<_> = diagnostics.iter().collect();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].path, Path::attribute("server_properties"));
        assert!(found[0].detail.contains("line 2") && found[0].detail.contains("did you mean num.partitions"));
        assert!(found[1].detail.contains("line 3") && found[1].detail.contains("two"));
    }
}
