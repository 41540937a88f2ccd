//! Where logs of brokers may be delivered to.

use control_plane_api::monitoring::{LogDestination, LoggingInfo, bucket_problem, prefix_problem};

use crate::error::OperationError;

/// Refuses what logs cannot be delivered to.
pub(super) fn check_logging(logging: Option<&LoggingInfo>) -> Result<(), OperationError> {
    let refuse = |message: String| Err(OperationError::invalid("loggingInfo", message));
    let Some(logging) = logging else {
        return Ok(());
    };
    let is_on = |destination: &Option<LogDestination>| destination.as_ref().is_some_and(|it| it.enabled);
    if logging.authorizer_logs.as_ref().is_some_and(|it| it.any()) {
        return refuse(
            "there is no separate log of the authorizer: what access control lists refuse is in the brokers' logs, so deliver \
             brokerLogs and disable all destinations of authorizerLogs"
                .to_owned(),
        );
    }
    let logs = &logging.broker_logs;
    for (name, destination) in [("cloudWatchLogs", &logs.cloud_watch_logs), ("firehose", &logs.firehose)] {
        if is_on(destination) {
            return refuse(format!(
                "there is no service behind brokerLogs.{name} here: deliver to s3, whose buckets are directories of this \
                 machine, or disable it"
            ));
        }
    }
    let Some(s3) = logs.s3.as_ref().filter(|it| it.enabled) else {
        return Ok(());
    };
    let Some(bucket) = s3.bucket.as_deref() else {
        return refuse("brokerLogs.s3 names no bucket".to_owned());
    };
    let prefix = s3.prefix.as_deref().unwrap_or_default();
    match bucket_problem(bucket).or_else(|| prefix_problem(prefix)) {
        Some(problem) => refuse(problem),
        None => Ok(()),
    }
}
