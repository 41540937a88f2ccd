//! `broker-runtime kafka-bundle`: archives of Apache Kafka for machines that do not reach Maven Central.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Subcommand;
use engine_kafka::{RELEASES, Release, create_bundle, verify_bundle};

use crate::{context::Context, output};

/// Archives of Apache Kafka.
#[derive(Debug, Subcommand)]
pub(crate) enum KafkaBundle {
    /// Packs jars into an archive, after comparing each with the lock file of the release.
    Create {
        /// Number of the release, such as 4.2.0.
        #[arg(long)]
        release: String,
        /// Folder with its jars, as `mvn dependency:copy-dependencies` fills it.
        #[arg(long, value_name = "DIRECTORY")]
        jars: PathBuf,
        /// The archive [default: where the runtime looks for it].
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Compares what is in an archive with the lock file of the release.
    Verify {
        /// Number of the release, such as 4.2.0.
        #[arg(long)]
        release: String,
        /// The archive [default: where the runtime looks for it].
        archive: Option<PathBuf>,
    },
}

/// Carries it out, and prints the digest of the archive.
pub(crate) fn run(context: &Context, command: &KafkaBundle) -> Result<()> {
    let (release, archive, digest) = match command {
        KafkaBundle::Create { release, jars, output } => {
            let release = find(release)?;
            let archive = place(context, release, output.as_deref());
            if let Some(folder) = archive.parent() {
                std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
            }
            let digest = create_bundle(jars, &release, &archive)?;
            (release, archive, digest)
        }
        KafkaBundle::Verify { release, archive } => {
            let release = find(release)?;
            let archive = place(context, release, archive.as_deref());
            let digest = verify_bundle(&archive, &release)?;
            (release, archive, digest)
        }
    };
    output::line(&format!(
        "{} is Apache Kafka {}, SHA-256 {}",
        archive.display(),
        release.number,
        digest.as_str()
    ));
    Ok(())
}

fn find(number: &str) -> Result<Release> {
    let known: Vec<&str> = RELEASES.iter().map(|release| release.number).collect();
    Release::numbered(number)
        .with_context(|| format!("there is no lock file for {number:?}, only for {}", known.join(", ")))
}

fn place(context: &Context, release: Release, named: Option<&Path>) -> PathBuf {
    let default = || context.data_dir.kafka_bundles().join(release.archive_name());
    named.map_or_else(default, Path::to_owned)
}
