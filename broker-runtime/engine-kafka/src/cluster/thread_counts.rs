//! Numbers of threads, which Apache Kafka changes while brokers run, but never to more than double what there are and never to less than half
//! (`DynamicThreadPool`): what is farther away is reached in rounds.

use server_properties::definition;

use crate::admin::ConfigChange;

/// Properties with that rule.
const THREAD_COUNTS: [&str; 6] = [
    "background.threads",
    "log.cleaner.threads",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
];

/// Spreads changes over rounds. `before` says what a property has now, as far as that is set anywhere; the default of Kafka counts where it
/// says nothing, or where a property is taken back.
pub(super) fn rounds(
    changes: Vec<ConfigChange>,
    before: impl Fn(&str) -> Option<String>,
    without: impl Fn(&str) -> Option<String>,
) -> Vec<Vec<ConfigChange>> {
    let mut rounds: Vec<Vec<ConfigChange>> = Vec::new();
    let mut put = |round: usize, change: ConfigChange| {
        if rounds.len() <= round {
            rounds.resize_with(round + 1, Vec::new);
        }
        rounds[round].push(change);
    };
    for (name, value) in changes {
        let mut last = 0;
        if THREAD_COUNTS.contains(&name.as_str()) {
            let now = number(before(&name).or_else(|| default_of(&name)));
            let target = number(value.clone().or_else(|| without(&name)).or_else(|| default_of(&name)));
            for between in now
                .zip(target)
                .map(|(now, target)| steps(now, target))
                .unwrap_or_default()
            {
                put(last, (name.clone(), Some(between.to_string())));
                last += 1;
            }
        }
        put(last, (name, value));
    }
    rounds
}

fn default_of(name: &str) -> Option<String> {
    definition(name)?.default.map(str::to_owned)
}

fn number(text: Option<String>) -> Option<u32> {
    text?.trim().parse().ok().filter(|number| *number > 0)
}

/// What lies between, without both ends.
fn steps(now: u32, target: u32) -> Vec<u32> {
    let mut between = Vec::new();
    let mut at = now;
    loop {
        at = if target > at.saturating_mul(2) {
            at.saturating_mul(2)
        } else if target < at / 2 {
            at / 2
        } else {
            return between;
        };
        between.push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_step_is_more_than_double_or_less_than_half() {
        assert!(steps(5, 10).is_empty());
        assert_eq!(steps(5, 33), [10, 20]);
        assert_eq!(steps(33, 3), [16, 8, 4]);
        assert_eq!(steps(1, 8), [2, 4]);
        assert!(steps(8, 8).is_empty());
    }

    #[test]
    fn what_is_near_changes_at_once_and_the_rest_in_rounds() {
        let set = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        let changes = vec![
            set("log.retention.ms", "1000"),
            set("num.io.threads", "40"),
            ("num.network.threads".to_owned(), None),
        ];
        let before = |name: &str| (name == "num.network.threads").then(|| "20".to_owned());
        let without = |name: &str| (name == "num.network.threads").then(|| "5".to_owned());
        let rounds = rounds(changes, before, without);
        assert_eq!(
            rounds,
            [
                vec![
                    set("log.retention.ms", "1000"),
                    set("num.io.threads", "16"),
                    set("num.network.threads", "10")
                ],
                vec![set("num.io.threads", "32"), ("num.network.threads".to_owned(), None)],
                vec![set("num.io.threads", "40")],
            ]
        );
    }

    #[test]
    fn nothing_to_change_is_no_round() {
        assert_eq!(rounds(Vec::new(), |_| None, |_| None), Vec::<Vec<ConfigChange>>::new());
    }
}
