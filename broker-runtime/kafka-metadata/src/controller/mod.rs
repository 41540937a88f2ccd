//! The controller as a pure function: what is agreed on and something that happens, to records and an answer.

mod acls;
mod alter_partition;
mod brokers;
mod configs;
mod create_partitions;
mod create_topics;
mod decide;
mod decision;
mod defaults;
mod delete_topics;
mod draft;
mod elections;
mod eligible;
mod even_out;
mod leader_balance;
mod placement;
mod producer_ids;
mod quotas;
mod reassign;
mod replicate;
mod scram;
mod topic_name;

pub use decide::decide;
pub use decision::{ControllerEvent, Decision};
pub use defaults::ControllerDefaults;
pub use even_out::even_out;
pub use leader_balance::LeaderBalance;
pub use replicate::replicate;
pub use topic_name::validate_topic_name;

#[cfg(test)]
mod eligible_tests;
#[cfg(test)]
mod invariant_tests;
#[cfg(test)]
mod moving_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
