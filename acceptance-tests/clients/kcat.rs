//! kcat as Debian has it, with a librdkafka of 2022: metadata, records with keys, headers and every compression, reading with a format,
//! offsets by time, and groups.

use std::{fs, path::PathBuf, process::Command};

use acceptance_tests::{
    cluster::{Cluster, PASSWORD, USER},
    program,
    suite::Suite,
    tools::Tools,
};
use anyhow::{Context, Result, ensure};

use crate::Shared;

const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// Adds the test of this file.
pub fn add(suite: &mut Suite, tools: &Tools, shared: &Shared) {
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "kcat_of_debian_lists_writes_reads_and_queries",
        "kcat",
        tools.kcat.clone(),
        move |kcat| {
            let cluster = of_all.cluster(&all)?;
            let kcat = Kcat::new(kcat, &cluster)?;
            create(&cluster)?;
            lists(&kcat)?;
            writes_and_reads(&kcat)?;
            queries(&kcat)?;
            reads_in_a_group(&kcat)
        },
    );
}

const TOPIC: &str = "kcat";

struct Kcat {
    program: PathBuf,
    configuration: PathBuf,
    records: PathBuf,
}

impl Kcat {
    fn new(program: PathBuf, cluster: &Cluster) -> Result<Self> {
        let folder = cluster.workspace.path();
        let kcat = Self {
            program,
            configuration: folder.join("kcat.conf"),
            records: folder.join("kcat.records"),
        };
        let text = format!(
            "bootstrap.servers={}\nsecurity.protocol=SASL_SSL\nsasl.mechanism=SCRAM-SHA-512\nsasl.username={USER}\n\
             sasl.password={PASSWORD}\nssl.ca.location={}\nauto.offset.reset=earliest\n",
            cluster.bootstrap,
            cluster.authority.display()
        );
        fs::write(&kcat.configuration, text)?;
        Ok(kcat)
    }

    /// All records of partition 0, each in this format.
    fn read_all(&self, format: &str) -> Result<String> {
        let whole = [
            "-C",
            "-t",
            TOPIC,
            "-p",
            "0",
            "-o",
            "beginning",
            "-e",
            "-q",
            "-f",
            format,
        ];
        self.run(&whole)
    }

    /// What it prints on its standard output.
    fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.arg("-F").arg(&self.configuration).args(arguments);
        Ok(program::succeed(&mut command, program::LIMIT)?.stdout)
    }

    /// Writes these lines, a record each.
    fn produce(&self, lines: &[String], arguments: &[&str]) -> Result<()> {
        fs::write(&self.records, lines.join("\n") + "\n")?;
        let file = self.records.to_str().context("path of the records")?;
        self.run(&[&["-P", "-t", TOPIC, "-l", file, "-K", ":"], arguments].concat())
            .map(drop)
    }
}

/// kcat makes no topics where brokers do not.
fn create(cluster: &Cluster) -> Result<()> {
    let configuration = fs::read_to_string(cluster.workspace.path().join("main.tf"))?;
    let topic = format!(
        "{configuration}\nresource \"msk_topic\" \"kcat\" {{\n  cluster_arn = msk_cluster.this.arn\n  name = \"{TOPIC}\"\n  \
         partition_count = 2\n  replication_factor = 3\n}}\n"
    );
    cluster.workspace.write(&topic)?;
    cluster.workspace.apply().map(drop)
}

fn lists(kcat: &Kcat) -> Result<()> {
    let text = kcat.run(&["-L", "-t", TOPIC])?;
    ensure!(text.contains(" 3 brokers:"), "{text}");
    ensure!(
        text.contains(&format!("topic \"{TOPIC}\" with 2 partitions:")),
        "{text}"
    );
    let json: serde_json::Value = serde_json::from_str(&kcat.run(&["-L", "-J"])?)?;
    let topics = json["topics"].as_array().context("topics")?;
    ensure!(topics.iter().any(|topic| topic["topic"] == TOPIC), "{json}");
    Ok(())
}

/// Two records a codec into partition 0, which come back in their order, with their headers.
fn writes_and_reads(kcat: &Kcat) -> Result<()> {
    for codec in CODECS {
        let lines = [
            format!("{codec}-1:first of {codec}"),
            format!("{codec}-2:{}", "x".repeat(3000)),
        ];
        let header = format!("codec={codec}");
        kcat.produce(&lines, &["-p", "0", "-z", codec, "-H", &header, "-H", "kind=test"])?;
    }
    let format = "%t|%p|%o|%k|%S|%h\n";
    let text = kcat.read_all(format)?;
    let expected: String = CODECS
        .iter()
        .enumerate()
        .map(|(at, codec)| {
            let (first, headers) = (2 * at, format!("codec={codec},kind=test"));
            let length = format!("first of {codec}").len();
            format!(
                "{TOPIC}|0|{first}|{codec}-1|{length}|{headers}\n{TOPIC}|0|{}|{codec}-2|3000|{headers}\n",
                first + 1
            )
        })
        .collect();
    ensure!(text == expected, "{text}");
    let last = kcat.run(&["-C", "-t", TOPIC, "-p", "0", "-o", "-2", "-c", "1", "-q", "-f", "%k=%s"])?;
    ensure!(last == "zstd-1=first of zstd", "{last}");
    Ok(())
}

/// The offset of a time: that of the first record at or after it.
fn queries(kcat: &Kcat) -> Result<()> {
    let times = kcat.read_all("%T\n")?;
    let times: Vec<i64> = times.lines().map(str::parse).collect::<Result<_, _>>()?;
    let wanted = *times.get(4).context("ten records")?;
    let first = times.iter().position(|time| *time >= wanted).context("a record")?;
    let late = times.last().context("a record")? + 1000;
    let cases = [
        (wanted, i64::try_from(first)?),
        (late, -1),
        (-2, 0),
        (-1, i64::try_from(times.len())?),
    ];
    for (time, offset) in cases {
        let text = kcat.run(&["-Q", "-t", &format!("{TOPIC}:0:{time}")])?;
        ensure!(text.trim() == format!("{TOPIC} [0] offset {offset}"), "{time}: {text}");
    }
    Ok(())
}

/// Everything once, and after the commit only what is new.
fn reads_in_a_group(kcat: &Kcat) -> Result<()> {
    let read = || kcat.run(&["-G", "kcat-readers", "-e", "-q", "-f", "%k\n", TOPIC]);
    let text = read()?;
    ensure!(text.lines().count() == 2 * CODECS.len(), "{text}");
    kcat.produce(&["late:record".to_owned()], &["-p", "1"])?;
    let text = read()?;
    ensure!(text == "late\n", "{text}");
    Ok(())
}
