//! What the command line says of a control plane, and its guard hands on to the next one.

use std::time::Duration;

use clap::Args;

use crate::{listening::ListenArguments, tokens};

/// Shortest time after which a host may be declared dead, seconds: that of a restart of its agent, and some.
const DEAD_AFTER_MIN_S: u64 = 15;

/// The options of `serve`.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServeArguments {
    /// Where the API is answered.
    #[command(flatten)]
    pub(crate) listen: ListenArguments,
    /// Declares a host dead that has been away for this long, so that what was on it is made anew elsewhere: a number with s,
    /// m, h or d. Never more than one at a time, and none while others of its zone or half of all hosts are away [default:
    /// only people declare hosts dead].
    #[arg(long, value_name = "TIME", value_parser = dead_after)]
    host_dead_after: Option<u64>,
}

impl ServeArguments {
    /// The same, for a process that is started.
    pub(crate) fn to_arguments(&self) -> Vec<String> {
        let mut arguments = self.listen.to_arguments();
        if let Some(seconds) = self.host_dead_after {
            arguments.extend(["--host-dead-after".to_owned(), format!("{seconds}s")]);
        }
        arguments
    }

    /// How long a host may be away before it is declared dead.
    pub(crate) fn host_dead_after(&self) -> Option<Duration> {
        self.host_dead_after.map(Duration::from_secs)
    }
}

fn dead_after(text: &str) -> Result<u64, String> {
    let seconds = tokens::seconds(text)?;
    if seconds < DEAD_AFTER_MIN_S {
        return Err(format!(
            "{text} is too short: an agent that is restarted is away for as long; {DEAD_AFTER_MIN_S}s is the least"
        ));
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches};

    use super::*;

    fn parsed(arguments: &[&str]) -> Result<ServeArguments, clap::Error> {
        let command = ServeArguments::augment_args(clap::Command::new("serve").no_binary_name(true));
        ServeArguments::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    #[test]
    fn guard_hands_on_what_it_was_told() {
        let given = parsed(&["--host-dead-after", "10m", "--listen", "127.0.0.1:1"]).unwrap();
        assert_eq!(given.host_dead_after(), Some(Duration::from_secs(600)));
        let arguments = given.to_arguments();
        let again = parsed(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        assert_eq!(again, given);
        assert_eq!(parsed(&[]).unwrap().host_dead_after(), None);
        assert!(
            parsed(&["--host-dead-after", "14s"])
                .unwrap_err()
                .to_string()
                .contains("too short")
        );
    }
}
