//! The life of an `msk_cluster`: create, read, change in place, delete, import.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use control_plane_api::{
    clusters::Cluster as Description,
    updates::{
        BrokerEbsVolumeInfo, UpdateBrokerCountRequest, UpdateBrokerStorageRequest, UpdateBrokerTypeRequest,
        UpdateClusterConfigurationRequest, UpdateClusterKafkaVersionRequest, UpdateClusterResponse,
        UpdateMonitoringRequest, UpdateSecurityRequest,
    },
};
use control_plane_client::{Client, Result};
use plugin_framework::{
    ApplyRequest, Context, DeleteRequest, Diagnostics, Plan, ReadRequest, Resource, StateSink,
    model::Model,
    schema::Schema,
    value::{Object, Value},
};

use super::{
    access::Access, connectivity::Connectivity, disk, engine, model::ClusterModel, monitoring::Monitoring, plan,
    requests, restarts, state,
};
use crate::{
    control_plane::ControlPlane,
    diagnostics, moved,
    patience::patiently,
    resources::{
        creations::{Creations, settle},
        deletion_protection,
        existing::{self, change_tags, find_by_id, not_created, unless_not_up},
        foresight::Foresight,
    },
    timeouts,
};

/// The resource type.
pub(crate) struct Cluster {
    control_plane: Arc<ControlPlane>,
    creations: Arc<Creations>,
    foresight: Arc<Foresight>,
    schema: Schema,
}

impl Cluster {
    pub(crate) fn new(
        control_plane: Arc<ControlPlane>,
        (creations, foresight): (Arc<Creations>, Arc<Foresight>),
    ) -> Self {
        Self {
            control_plane,
            creations,
            foresight,
            schema: ClusterModel::schema(),
        }
    }
}

impl Cluster {
    /// Notes what will change, and says what could not be made.
    async fn foresee(&self, plan: &Plan<'_>, diagnostics: &mut Diagnostics) {
        if let Some(prior) = plan.prior {
            let prior = ClusterModel::from_object(prior);
            self.foresight
                .is_there("msk_cluster", prior.cluster_name.as_str().unwrap_or_default());
            if plan.is_update() {
                let brokers = ClusterModel::from_object(plan.planned).number_of_broker_nodes.copied();
                self.foresight
                    .cluster_changes(prior.arn.as_str().unwrap_or_default(), brokers);
            }
            return;
        }
        let is_known = plan.config.entries().values().all(Value::is_wholly_known);
        let Some(wanted) = requests::create(&ClusterModel::from_object(plan.planned))
            .filter(|_| is_known && !diagnostics.has_errors())
        else {
            return;
        };
        let name = &wanted.cluster_name;
        let token = self.creations.token("msk_cluster", name);
        let asked = |client: Client| {
            let wanted = wanted.clone();
            async move { client.validate_cluster(&wanted, &token).await }
        };
        let (named, doing) = (("msk_cluster", name.as_str()), format!("create cluster {name:?}"));
        let checked = self.foresight.check(&self.control_plane, named, &doing, asked).await;
        diagnostics.extend(checked);
    }

    /// Says what a change does, and what it cannot. What cannot be read now is read by the apply, which says what is wrong.
    async fn foresee_change(&self, prior: &ClusterModel, planned: &ClusterModel) -> Diagnostics {
        let mut diagnostics = engine::warning(prior, planned);
        if let Some((arn, request)) = engine::question(prior, planned) {
            let asked = |client: Client| async move { client.validate_engine(&arn, &request).await };
            let doing = "have another engine take the cluster over";
            diagnostics.extend(self.foresight.check_change(&self.control_plane, doing, asked).await);
        }
        let causes = restarts::causes(prior, planned);
        let Ok(client) = self.control_plane.client().await else {
            diagnostics.extend(restarts::warning(&causes, &[]));
            return diagnostics;
        };
        let properties = restarts::restarting_properties(&client, prior, planned).await;
        diagnostics.extend(restarts::warning(&causes, &properties.unwrap_or_default()));
        let scaled_in = plan::scaled_in_to(prior, planned).zip(prior.arn.as_str());
        if let Some((brokers, cluster_arn)) = scaled_in
            && let Ok(topics) = client.list_topics(cluster_arn).await
        {
            diagnostics.extend(plan::too_few(brokers, &topics));
        }
        diagnostics
    }
}

#[async_trait]
impl Resource for Cluster {
    fn type_name(&self) -> &'static str {
        "msk_cluster"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn identity(&self) -> &'static [&'static str] {
        &["arn"]
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        plan::validate(config)
    }

    async fn plan(&self, _context: &Context, plan: &mut Plan<'_>) -> Diagnostics {
        let mut diagnostics = plan::plan(plan);
        self.foresee(plan, &mut diagnostics).await;
        diagnostics.extend(disk::check(&self.foresight, &self.control_plane, plan).await);
        diagnostics.extend(deletion_protection::check_replacement(plan, "The cluster"));
        if !diagnostics.has_errors()
            && let Some(prior) = plan.prior.filter(|_| plan.replaces.is_empty())
        {
            let (prior, planned) = (
                ClusterModel::from_object(prior),
                ClusterModel::from_object(plan.planned),
            );
            diagnostics.extend(self.foresee_change(&prior, &planned).await);
        }
        diagnostics
    }

    async fn plan_delete(&self, _context: &Context, prior: &Object) -> Diagnostics {
        deletion_protection::check(prior, "The cluster")
    }

    async fn create(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        self.foresight.is_applied();
        let mut state = ClusterModel::from_object(&request.planned);
        let Some(wanted) = requests::create(&state) else {
            return incomplete();
        };
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let name = &wanted.cluster_name;
        let (limit, doing) = (state.timeouts.or_default().create(), format!("create cluster {name:?}"));
        let what = format!("creating cluster {name:?}");
        let token = match self.creations.begin(self.type_name(), name, sink) {
            Ok(token) => token,
            Err(diagnostics) => return diagnostics,
        };
        let created = patiently(context, limit, &what, client.create_cluster(&wanted, Some(&token))).await;
        let cluster_arn = match created {
            Ok(created) => created.cluster_arn,
            Err(error) => return not_created(&client, self.type_name(), name, &error).await,
        };
        state::write_identity(&mut state, &cluster_arn);
        sink.save(state.to_object());
        let finished = async {
            let cluster = client.wait_for_cluster(&cluster_arn, limit).await?;
            state::write_cluster(&mut state, &cluster);
            write_endpoints(&client, &mut state, &cluster_arn).await
        };
        match patiently(context, limit, &what, finished).await {
            Ok(()) => {
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&doing, &error),
        }
    }

    async fn read(&self, context: &Context, request: ReadRequest, sink: &mut StateSink) -> Diagnostics {
        let mut state = ClusterModel::from_object(&request.prior);
        let Some(cluster_arn) = state.arn.known().cloned() else {
            sink.remove();
            return Diagnostics::none();
        };
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let what = format!("reading cluster {cluster_arn}");
        let found = async {
            let cluster = client.describe_cluster_v2(&cluster_arn).await?;
            state::write_cluster(&mut state, &cluster);
            let written = write_endpoints(&client, &mut state, &cluster_arn).await;
            unless_not_up(&client, &cluster_arn, written).await?;
            Ok(cluster)
        };
        match patiently(context, timeouts::DEFAULT, &what, found).await {
            Ok(cluster) => {
                self.foresight.is_there("msk_cluster", &cluster.cluster_name);
                settle(&client, sink).await;
                sink.save(state.to_object());
                warning_of(&cluster)
            }
            Err(error) if error.is_not_found() => {
                sink.remove();
                Diagnostics::none()
            }
            Err(error) => diagnostics::of_call(&format!("read cluster {cluster_arn}"), &error),
        }
    }

    async fn update(&self, context: &Context, request: ApplyRequest, sink: &mut StateSink) -> Diagnostics {
        let planned = ClusterModel::from_object(&request.planned);
        let limit = planned.timeouts.or_default().update();
        let prior = ClusterModel::from_object(&request.prior.unwrap_or_default());
        let (Some(cluster_arn), Some(wanted)) = (prior.arn.as_str(), Wanted::of(&planned)) else {
            return incomplete();
        };
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let what = format!("changing cluster {cluster_arn}");
        let mut state = planned.clone();
        let changed = async {
            let cluster = wanted.bring_about(&client, cluster_arn, limit).await?;
            state::write_cluster(&mut state, &cluster);
            write_endpoints(&client, &mut state, cluster_arn).await
        };
        match patiently(context, limit, &what, changed).await {
            Ok(()) => {
                state::settle(&mut state, planned.clone());
                sink.save(state.to_object());
                Diagnostics::none()
            }
            Err(error) => {
                // Some of the changes may have been made.
                let mut state = prior.clone();
                if let Ok(cluster) = client.describe_cluster_v2(cluster_arn).await {
                    state::write_cluster(&mut state, &cluster);
                    sink.save(state.to_object());
                }
                diagnostics::of_call(&format!("change cluster {cluster_arn}"), &error)
            }
        }
    }

    async fn delete(&self, context: &Context, request: DeleteRequest) -> Diagnostics {
        let client = match self.control_plane.client().await {
            Ok(client) => client,
            Err(diagnostics) => return diagnostics,
        };
        let prior = ClusterModel::from_object(&request.prior);
        let limit = prior.timeouts.or_default().delete();
        existing::delete(context, &client, prior.arn.as_str(), limit).await
    }

    fn moved_id(&self, source: &str, state: &serde_json::Value) -> Option<String> {
        moved::id_of(source, "aws_msk_cluster", state, &["arn"])
    }

    async fn import_identity(&self, context: &Context, identity: &Object) -> std::result::Result<Object, Diagnostics> {
        self.import(context, identity.string("arn").unwrap_or_default()).await
    }

    async fn import(&self, context: &Context, id: &str) -> std::result::Result<Object, Diagnostics> {
        let cluster_arn = find_by_id(context, &self.control_plane, id).await?;
        let mut state = ClusterModel::default();
        state::write_identity(&mut state, &cluster_arn);
        Ok(state.to_object())
    }
}

/// What a change is to bring about.
struct Wanted<'a> {
    planned: &'a ClusterModel,
    brokers: i64,
    access: Access,
    connectivity: Connectivity,
    monitoring: Monitoring,
}

impl<'a> Wanted<'a> {
    fn of(planned: &'a ClusterModel) -> Option<Self> {
        Some(Self {
            planned,
            brokers: planned.number_of_broker_nodes.copied()?,
            access: Access::of(planned)?,
            connectivity: Connectivity::of(planned)?,
            monitoring: Monitoring::of(planned)?,
        })
    }

    /// Makes one change after the other, each out of what the cluster is by then, and waits for each. What is as it
    /// should be is left alone, so an apply that was cut off is carried on by the next one.
    async fn bring_about(&self, client: &Client, arn: &str, limit: Duration) -> Result<Description> {
        let cluster = client.wait_for_cluster(arn, limit).await?;
        self.change_brokers(client, &cluster, limit).await?;
        let cluster = client.wait_for_cluster(arn, limit).await?;
        self.change_hardware(client, &cluster, limit).await?;
        let cluster = client.wait_for_cluster(arn, limit).await?;
        self.change_monitoring(client, &cluster, limit).await?;
        let cluster = client.wait_for_cluster(arn, limit).await?;
        self.change_software(client, &cluster, limit).await?;
        if !self.connectivity.public {
            // Whoever may come in from elsewhere may not be let in without a name, so this goes first.
            self.connectivity.bring_about(client, arn, limit).await?;
        }
        let cluster = client.wait_for_cluster(arn, limit).await?;
        self.change_access(client, &cluster, limit).await?;
        let cluster = self.connectivity.bring_about(client, arn, limit).await?;
        // Last: what this engine has and the other one has not may have been given up before.
        engine::bring_about(client, self.planned, &cluster, limit).await?;
        let tags = self.planned.tags.known().cloned().unwrap_or_default();
        change_tags(client, &cluster, &tags).await?;
        client.wait_for_cluster(arn, limit).await
    }

    async fn change_brokers(&self, client: &Client, cluster: &Description, limit: Duration) -> Result<()> {
        let has = cluster.provisioned.as_ref().map(|it| it.number_of_broker_nodes);
        if has == Some(self.brokers) {
            return Ok(());
        }
        let request = UpdateBrokerCountRequest {
            current_version: cluster.current_version.clone(),
            target_number_of_broker_nodes: self.brokers,
        };
        let begun = client.update_broker_count(&cluster.cluster_arn, &request).await?;
        wait(client, &begun, limit).await
    }

    async fn change_hardware(&self, client: &Client, cluster: &Description, limit: Duration) -> Result<()> {
        let group = cluster.provisioned.as_ref().map(|it| &it.broker_node_group_info);
        let storage = group.and_then(|it| it.storage_info.as_ref()?.ebs_storage_info.as_ref()?.volume_size);
        let mut current_version = cluster.current_version.clone();
        if let Some(wants) = requests::volume_size(self.planned).filter(|wants| storage != Some(*wants)) {
            let request = UpdateBrokerStorageRequest {
                current_version,
                target_broker_ebs_volume_info: vec![BrokerEbsVolumeInfo {
                    kafka_broker_node_id: "All".to_owned(),
                    provisioned_throughput: None,
                    volume_size_gb: Some(wants),
                }],
            };
            let begun = client.update_broker_storage(&cluster.cluster_arn, &request).await?;
            wait(client, &begun, limit).await?;
            let cluster = client.wait_for_cluster(&cluster.cluster_arn, limit).await?;
            current_version = cluster.current_version;
        }
        let has = group.map(|it| it.instance_type.as_str());
        let Some(wants) = requests::instance_type(self.planned).filter(|wants| has != Some(wants)) else {
            return Ok(());
        };
        let request = UpdateBrokerTypeRequest {
            current_version,
            target_instance_type: wants,
        };
        let begun = client.update_broker_type(&cluster.cluster_arn, &request).await?;
        wait(client, &begun, limit).await
    }

    async fn change_monitoring(&self, client: &Client, cluster: &Description, limit: Duration) -> Result<()> {
        let has = cluster.provisioned.as_ref();
        let level = self.planned.enhanced_monitoring.as_str();
        let level = level.filter(|wants| has.is_none_or(|has| has.enhanced_monitoring != *wants));
        let shown = has.map(Monitoring::of_cluster).as_ref() != Some(&self.monitoring);
        if level.is_none() && !shown {
            return Ok(());
        }
        let request = UpdateMonitoringRequest {
            current_version: cluster.current_version.clone(),
            enhanced_monitoring: level.map(str::to_owned),
            open_monitoring: shown.then(|| self.monitoring.open_monitoring()),
            logging_info: shown.then(|| self.monitoring.logging_info()),
        };
        let begun = client.update_monitoring(&cluster.cluster_arn, &request).await?;
        wait(client, &begun, limit).await
    }

    /// The version of Kafka with the configuration, in one rolling restart, or the configuration alone.
    async fn change_software(&self, client: &Client, cluster: &Description, limit: Duration) -> Result<()> {
        let has = cluster.provisioned.as_ref().map(|it| &it.current_broker_software_info);
        let configuration = requests::configuration_info(self.planned).filter(|wants| {
            !has.is_some_and(|has| {
                has.configuration_arn.as_ref() == Some(&wants.arn) && has.configuration_revision == Some(wants.revision)
            })
        });
        let version = has.and_then(|has| has.kafka_version.as_deref());
        let wanted = self.planned.kafka_version.as_str();
        if let Some(wants) = wanted.filter(|wants| version != Some(wants)) {
            let request = UpdateClusterKafkaVersionRequest {
                current_version: cluster.current_version.clone(),
                configuration_info: configuration,
                target_kafka_version: wants.to_owned(),
            };
            let begun = client
                .update_cluster_kafka_version(&cluster.cluster_arn, &request)
                .await?;
            return wait(client, &begun, limit).await;
        }
        let Some(wants) = configuration else {
            return Ok(());
        };
        let request = UpdateClusterConfigurationRequest {
            current_version: cluster.current_version.clone(),
            configuration_info: wants,
        };
        let begun = client
            .update_cluster_configuration(&cluster.cluster_arn, &request)
            .await?;
        wait(client, &begun, limit).await
    }

    async fn change_access(&self, client: &Client, cluster: &Description, limit: Duration) -> Result<()> {
        if cluster.provisioned.as_ref().map(state::access).as_ref() == Some(&self.access) {
            return Ok(());
        }
        let request = UpdateSecurityRequest {
            current_version: cluster.current_version.clone(),
            client_authentication: Some(requests::client_authentication(&self.access)),
            encryption_info: Some(requests::encryption_info(&self.access)),
        };
        let begun = client.update_security(&cluster.cluster_arn, &request).await?;
        wait(client, &begun, limit).await
    }
}

async fn wait(client: &Client, begun: &UpdateClusterResponse, limit: Duration) -> Result<()> {
    client
        .wait_for_operation(&begun.cluster_operation_arn, limit)
        .await
        .map(|_| ())
}

/// Writes where clients connect to and whom they have to trust.
async fn write_endpoints(client: &Client, state: &mut ClusterModel, cluster_arn: &str) -> Result<()> {
    let bootstrap = client.get_bootstrap_brokers(cluster_arn).await?;
    let authority = client.describe_certificate_authority(cluster_arn).await?;
    state.bootstrap = bootstrap.into();
    state.certificate_authority_pem = authority.certificate_pem.into();
    Ok(())
}

/// A cluster that has failed is still there, and a person has to know.
fn warning_of(cluster: &Description) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let message = cluster.state_info.as_ref().map_or("", |info| info.message.as_str());
    if cluster.state == "HEALING" {
        diagnostics.warning(format!("Cluster {:?} is healing", cluster.cluster_name), message);
    }
    if cluster.state == "FAILED" {
        diagnostics.warning(
            format!("Cluster {:?} has failed", cluster.cluster_name),
            format!("{message}\n\nThe runtime gives up on a cluster in this state; replace it with terraform apply -replace."),
        );
    }
    diagnostics
}

/// A plan that is applied is known. This one is not.
fn incomplete() -> Diagnostics {
    Diagnostics::from_error(
        "The plan is incomplete",
        "Terraform asked for a change of a cluster before all of its arguments were known. Please report it.",
    )
}
