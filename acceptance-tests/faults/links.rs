//! Links to a broker that are cut or slow, in a network namespace of the test's own.

use std::{net::Ipv4Addr, process::Command, time::Duration};

use acceptance_tests::{program, schedule::Link};
use anyhow::Result;

/// Packets to these ports are dropped, also those of connections that there are.
pub struct Cut(Vec<String>);

impl Cut {
    /// Nobody reaches these ports any more.
    pub fn begin(host: Ipv4Addr, link: Link) -> Result<Self> {
        let rule = |port: &&str| format!("pref 10 to {host}/32 ipproto tcp dport {port} blackhole");
        Self::with_rules(ports(link).iter().map(rule).collect())
    }

    /// These two brokers do not reach each other any more.
    pub fn between(one: Ipv4Addr, other: Ipv4Addr) -> Result<Self> {
        let rule = |(from, to)| format!("pref 11 from {from}/32 to {to}/32 ipproto tcp dport 9093 blackhole");
        Self::with_rules([(one, other), (other, one)].map(rule).into())
    }

    fn with_rules(rules: Vec<String>) -> Result<Self> {
        for rule in &rules {
            run("ip", &format!("rule add {rule}"))?;
        }
        Ok(Self(rules))
    }

    /// They are reached again.
    pub fn end(&self) -> Result<()> {
        self.0
            .iter()
            .try_for_each(|rule| run("ip", &format!("rule del {rule}")))
    }
}

/// A class of traffic with a rate; the number is that of the class and the priority of its filters.
pub struct Slow(u16);

impl Slow {
    /// What goes to these ports and comes from them passes at `rate` kbit/s. No two that last at the same time have one number.
    pub fn begin(number: u16, host: Ipv4Addr, link: Link, rate: u32) -> Result<Self> {
        let parent = "dev lo parent 1:";
        run(
            "tc",
            &format!("class add {parent} classid 1:{number:x} htb rate {rate}kbit"),
        )?;
        for port in ports(link) {
            for (end, at) in [("dst", "dport"), ("src", "sport")] {
                let filter = format!("u32 match ip {end} {host}/32 match ip {at} {port} 0xffff flowid 1:{number:x}");
                run("tc", &format!("filter add {parent} prio {number} protocol ip {filter}"))?;
            }
        }
        Ok(Self(number))
    }

    /// It passes as fast as it can again.
    pub fn end(&self) -> Result<()> {
        let number = self.0;
        run("tc", &format!("filter del dev lo parent 1: prio {number}"))?;
        run("tc", &format!("class del dev lo classid 1:{number:x}"))
    }
}

/// Makes the namespace ready for [`Slow`], and tries one. What is in no class passes as it did before.
pub fn ready_for_rates() -> Result<()> {
    run("tc", "qdisc add dev lo root handle 1: htb")?;
    Slow::begin(1, Ipv4Addr::new(127, 1, 2, 3), Link::Brokers, 1_000)?.end()
}

fn ports(link: Link) -> &'static [&'static str] {
    match link {
        Link::Brokers => &["9093"],
        Link::Clients => &["9096"],
        Link::All => &["9093", "9096"],
    }
}

fn run(name: &str, arguments: &str) -> Result<()> {
    let mut command = Command::new(name);
    command.args(arguments.split_whitespace());
    program::succeed(&mut command, Duration::from_secs(10)).map(drop)
}
