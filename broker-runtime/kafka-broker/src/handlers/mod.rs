//! The Kafka APIs, one file each, numbered by API key. [`APIS`] is the protocol table of this broker: dispatch,
//! `ApiVersions` and the documentation read nothing else.

mod acl_codes;
#[path = "25_add_offsets_to_txn.rs"]
mod add_offsets_to_txn;
#[path = "24_add_partitions_to_txn.rs"]
mod add_partitions_to_txn;
#[path = "49_alter_client_quotas.rs"]
mod alter_client_quotas;
#[path = "33_alter_configs.rs"]
mod alter_configs;
#[path = "45_alter_partition_reassignments.rs"]
mod alter_partition_reassignments;
#[path = "34_alter_replica_log_dirs.rs"]
mod alter_replica_log_dirs;
#[path = "51_alter_user_scram_credentials.rs"]
mod alter_user_scram_credentials;
#[path = "18_api_versions.rs"]
mod api_versions;
mod broker_loggers;
mod closest_replica;
mod config_entries;
mod config_resource;
#[path = "69_consumer_group_describe.rs"]
mod consumer_group_describe;
#[path = "68_consumer_group_heartbeat.rs"]
mod consumer_group_heartbeat;
mod controller_timeout;
#[path = "30_create_acls.rs"]
mod create_acls;
#[path = "37_create_partitions.rs"]
mod create_partitions;
#[path = "19_create_topics.rs"]
mod create_topics;
#[path = "31_delete_acls.rs"]
mod delete_acls;
#[path = "42_delete_groups.rs"]
mod delete_groups;
#[path = "21_delete_records.rs"]
mod delete_records;
#[path = "20_delete_topics.rs"]
mod delete_topics;
#[path = "29_describe_acls.rs"]
mod describe_acls;
#[path = "48_describe_client_quotas.rs"]
mod describe_client_quotas;
#[path = "60_describe_cluster.rs"]
mod describe_cluster;
#[path = "32_describe_configs.rs"]
mod describe_configs;
#[path = "15_describe_groups.rs"]
mod describe_groups;
#[path = "35_describe_log_dirs.rs"]
mod describe_log_dirs;
#[path = "61_describe_producers.rs"]
mod describe_producers;
#[path = "55_describe_quorum.rs"]
mod describe_quorum;
#[path = "75_describe_topic_partitions.rs"]
mod describe_topic_partitions;
#[path = "65_describe_transactions.rs"]
mod describe_transactions;
#[path = "50_describe_user_scram_credentials.rs"]
mod describe_user_scram_credentials;
#[path = "43_elect_leaders.rs"]
mod elect_leaders;
#[path = "26_end_txn.rs"]
mod end_txn;
#[path = "01_fetch.rs"]
mod fetch;
mod fetch_gather;
#[path = "10_find_coordinator.rs"]
mod find_coordinator;
#[path = "12_heartbeat.rs"]
mod heartbeat;
#[path = "44_incremental_alter_configs.rs"]
mod incremental_alter_configs;
#[path = "22_init_producer_id.rs"]
mod init_producer_id;
#[path = "11_join_group.rs"]
mod join_group;
#[path = "13_leave_group.rs"]
mod leave_group;
#[path = "74_list_config_resources.rs"]
mod list_config_resources;
#[path = "16_list_groups.rs"]
mod list_groups;
#[path = "02_list_offsets.rs"]
mod list_offsets;
#[path = "46_list_partition_reassignments.rs"]
mod list_partition_reassignments;
#[path = "66_list_transactions.rs"]
mod list_transactions;
#[path = "03_metadata.rs"]
mod metadata;
#[path = "08_offset_commit.rs"]
mod offset_commit;
#[path = "47_offset_delete.rs"]
mod offset_delete;
#[path = "09_offset_fetch.rs"]
mod offset_fetch;
#[path = "23_offset_for_leader_epoch.rs"]
mod offset_for_leader_epoch;
#[path = "00_produce.rs"]
mod produce;
mod produce_in_transaction;
mod produce_refusal;
mod produce_refused_batches;
mod quota_entities;
#[path = "36_sasl_authenticate.rs"]
mod sasl_authenticate;
#[path = "17_sasl_handshake.rs"]
mod sasl_handshake;
#[path = "14_sync_group.rs"]
mod sync_group;
mod transaction_codes;
#[path = "28_txn_offset_commit.rs"]
mod txn_offset_commit;
#[path = "57_update_features.rs"]
mod update_features;
#[path = "27_write_txn_markers.rs"]
mod write_txn_markers;

use crate::dispatch::ApiEntry;

pub(crate) use api_versions::unsupported as api_versions_unsupported;
use controller_timeout::controller_timeout;
pub(crate) use metadata::stand_in_controller;
pub(crate) use produce_refused_batches::RefusedBatches;

/// All APIs that are answered, by key.
pub(crate) static APIS: &[ApiEntry] = &[
    produce::API,
    fetch::API,
    list_offsets::API,
    metadata::API,
    offset_commit::API,
    offset_fetch::API,
    find_coordinator::API,
    join_group::API,
    heartbeat::API,
    leave_group::API,
    sync_group::API,
    describe_groups::API,
    list_groups::API,
    sasl_handshake::API,
    api_versions::API,
    create_topics::API,
    delete_topics::API,
    delete_records::API,
    init_producer_id::API,
    offset_for_leader_epoch::API,
    add_partitions_to_txn::API,
    add_offsets_to_txn::API,
    end_txn::API,
    write_txn_markers::API,
    txn_offset_commit::API,
    describe_acls::API,
    create_acls::API,
    delete_acls::API,
    describe_configs::API,
    alter_configs::API,
    alter_replica_log_dirs::API,
    describe_log_dirs::API,
    sasl_authenticate::API,
    create_partitions::API,
    delete_groups::API,
    elect_leaders::API,
    incremental_alter_configs::API,
    alter_partition_reassignments::API,
    list_partition_reassignments::API,
    offset_delete::API,
    describe_client_quotas::API,
    alter_client_quotas::API,
    describe_user_scram_credentials::API,
    alter_user_scram_credentials::API,
    describe_quorum::API,
    update_features::API,
    describe_cluster::API,
    describe_producers::API,
    describe_transactions::API,
    list_transactions::API,
    consumer_group_heartbeat::API,
    consumer_group_describe::API,
    list_config_resources::API,
    describe_topic_partitions::API,
];
