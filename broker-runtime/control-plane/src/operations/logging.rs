//! Where logs of brokers may be delivered to. Buckets are directories of the runtime, so names and prefixes are held to what
//! can be one, and to nothing that leads out of it.

use control_plane_api::monitoring::{LogDestination, LoggingInfo};

use crate::error::OperationError;

/// Longest prefix, in bytes: with what is put behind it, it stays below what a path may have.
const PREFIX_BYTES_MAX: usize = 1024;
/// Longest part of a prefix: the name of a directory.
const PART_BYTES_MAX: usize = 255;

/// Refuses what logs cannot be delivered to.
pub(super) fn check_logging(logging: Option<&LoggingInfo>) -> Result<(), OperationError> {
    let refuse = |message: String| Err(OperationError::invalid("loggingInfo", message));
    let Some(logging) = logging else {
        return Ok(());
    };
    let is_on = |destination: &Option<LogDestination>| destination.as_ref().is_some_and(|it| it.enabled);
    if logging.authorizer_logs.as_ref().is_some_and(|it| it.any()) {
        return refuse(
            "brokers have no authorizer yet, so there are no logs of one: disable all destinations of authorizerLogs"
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
    if !is_bucket(bucket) {
        return refuse(format!(
            "{bucket:?} is not a name of a bucket: it has 3 to 63 small letters, digits, hyphens and single dots, and begins and \
             ends with a letter or digit"
        ));
    }
    let prefix = s3.prefix.as_deref().unwrap_or_default();
    if !is_prefix(prefix) {
        return refuse(format!(
            "the prefix {prefix:?} cannot be used: it has parts between slashes, of printable characters, up to \
             {PART_BYTES_MAX} bytes each and {PREFIX_BYTES_MAX} in all, and none of them is . or .."
        ));
    }
    Ok(())
}

/// S3's rules for names.
fn is_bucket(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| plain(*byte) || [b'-', b'.'].contains(byte))
        && [bytes.first(), bytes.last()]
            .into_iter()
            .flatten()
            .all(|byte| plain(*byte))
        && !name.contains("..")
}

fn is_prefix(prefix: &str) -> bool {
    prefix.len() <= PREFIX_BYTES_MAX
        && !prefix.contains(char::is_control)
        && prefix
            .split('/')
            .all(|part| part.len() <= PART_BYTES_MAX && part != "." && part != "..")
}

#[cfg(test)]
mod tests {
    use control_plane_api::monitoring::LogDestinations;

    use super::*;

    fn check(bucket: &str, prefix: &str) -> Result<(), OperationError> {
        let logging = LoggingInfo {
            broker_logs: LogDestinations {
                s3: Some(LogDestination {
                    enabled: true,
                    bucket: Some(bucket.to_owned()),
                    prefix: Some(prefix.to_owned()),
                    ..LogDestination::default()
                }),
                ..LogDestinations::default()
            },
            authorizer_logs: None,
        };
        check_logging(Some(&logging))
    }

    #[test]
    fn nothing_leads_out_of_a_bucket() {
        for (bucket, prefix) in [
            ("logs", ""),
            ("my.logs-1", "a/b c/"),
            ("abc", "/a//b"),
            ("abc", "..a/b.."),
        ] {
            check(bucket, prefix).unwrap();
        }
        for (bucket, prefix) in [
            ("..", ""),
            ("a..b", ""),
            ("a/b", ""),
            (".abc", ""),
            ("ABC", ""),
            ("ab", ""),
            ("abc", ".."),
            ("abc", "a/../../b"),
            ("abc", "a/./b"),
            ("abc", "a\0b"),
            ("abc", "a\nb"),
        ] {
            let error = check(bucket, prefix).unwrap_err();
            assert!(
                matches!(&error, OperationError::InvalidRequest { parameter, .. } if parameter.as_deref() == Some("loggingInfo")),
                "{error:?}"
            );
        }
        check("abc", &"a".repeat(256)).unwrap_err();
        check("abc", &"a/".repeat(600)).unwrap_err();
    }
}
