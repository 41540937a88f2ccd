//! `cargo xtask tools`: gets the programs of others that the acceptance tests use, through the package registries'
//! own clients, into a cache outside the tree. What cannot be had is said in one line and left out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use acceptance_tests::{java, tools::Tools};
use anyhow::{Context, Result};

use crate::{cores, outsiders, step};

/// Apache Kafka: broker, Java client and console tools.
pub const KAFKA: &str = "4.3.1";
/// Amazon's login module for access keys.
const IAM_AUTH: &str = "2.3.5";
/// Prometheus' JMX exporter, of the kind that MSK runs.
const JMX_EXPORTER: &str = "0.20.0";
/// HashiCorp's checker of the Registry's pages.
const TFPLUGINDOCS: &str = "v0.25.0";
/// A log4j binding, which Kafka's own poms leave out.
const LOG4J: &str = "2.25.4";

/// A flag of Go that all programs are built with: what is built with the same flags is compiled once for all of them.
pub const SHARED: &str = "-trimpath";

/// Gets everything and prints what is missing.
pub fn run() -> Result<()> {
    let tools = prepare()?;
    for line in &tools.missing {
        step::say(&format!("  missing: {line}"));
    }
    Ok(())
}

/// Gets everything that can be had and writes `tools.json`.
pub fn prepare() -> Result<Tools> {
    let cache = Tools::directory();
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let mut tools = Tools::default();
    let mut missing = Vec::new();
    let mut keep = |title: &str, result: Result<PathBuf>| match result {
        Ok(path) => Some(path),
        Err(error) => {
            missing.push(format!("{title}: {error:#}"));
            None
        }
    };
    tools.terraform = keep("terraform", installed("terraform", "install Terraform 1.11 or newer"));
    tools.python = keep(
        "Python clients",
        step::step("Python clients (librdkafka, kafka-python, aiokafka, boto3)", || {
            python(&cache)
        }),
    );
    tools.java = keep("java", installed("java", "install a JDK, version 17 or newer"));
    tools.kafka_jars = keep(
        "Apache Kafka",
        step::step("Apache Kafka from Maven Central", || {
            kafka(&cache, tools.java.as_deref())
        }),
    );
    tools.iam_jar = keep(
        "aws-msk-iam-auth",
        step::step("aws-msk-iam-auth from Maven Central", || {
            jar(
                &cache,
                &format!("software.amazon.msk:aws-msk-iam-auth:{IAM_AUTH}:jar:all"),
            )
        }),
    );
    tools.jmx_exporter = keep(
        "jmx_prometheus_javaagent",
        step::step("jmx_prometheus_javaagent from Maven Central", || {
            jar(
                &cache,
                &format!("io.prometheus.jmx:jmx_prometheus_javaagent:{JMX_EXPORTER}:jar"),
            )
        }),
    );
    tools.franz_go = keep("franz-go", step::step("franz-go test client", || franz_go(&cache)));
    outsiders::prepare(&cache, &mut tools, &mut keep);
    tools.tfplugindocs = keep("tfplugindocs", step::step("tfplugindocs", || tfplugindocs(&cache)));
    tools.go_cty = keep(
        "go-cty",
        step::step("values of go-cty", || go_program(&cache, "go-cty", &["build"])),
    );
    tools.plugin_testing = keep(
        "terraform-plugin-testing",
        step::step("tests with terraform-plugin-testing", || plugin_testing(&cache)),
    );
    tools.tofu = keep(
        "tofu",
        step::step("OpenTofu from the Go module proxy", || cores::tofu(&cache)),
    );
    tools.newest_terraform = keep(
        "newest terraform",
        step::step("the newest Terraform from the Go module proxy", || {
            cores::newest_terraform(&cache)
        }),
    );
    tools.missing = missing;
    fs::write(cache.join("tools.json"), serde_json::to_vec_pretty(&tools)?)?;
    Ok(tools)
}

/// An interpreter with the Python clients, for the quickstart.
pub fn python_clients() -> Result<PathBuf> {
    let cache = Tools::directory();
    fs::create_dir_all(&cache)?;
    python(&cache)
}

/// The providers in Go that ours is measured against, in a folder of their own.
pub fn peer_providers() -> Result<PathBuf> {
    let folder = Tools::directory().join("peer-providers");
    fs::create_dir_all(&folder)?;
    let mut build = step::program(installed("go", "install Go 1.26 or newer")?);
    build.current_dir(step::repository().join("acceptance-tests/programs/peer-providers"));
    build.args(["build", "-o"]).arg(&folder).arg("./...");
    step::quietly(build.env("CGO_ENABLED", "0"))?;
    Ok(folder)
}

/// A program on the `PATH`; an error gives the advice.
pub fn installed(name: &str, advice: &str) -> Result<PathBuf> {
    step::find(name).with_context(|| format!("not on the PATH; {advice}"))
}

fn python(cache: &Path) -> Result<PathBuf> {
    let requirements = step::repository().join("acceptance-tests/programs/requirements.txt");
    let folder = cache.join("python");
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.txt");
    let wanted = fs::read(&requirements)?;
    if python.is_file() && fs::read(&stamp).is_ok_and(|have| have == wanted) {
        return Ok(python);
    }
    let system = installed("python3", "install Python 3.9 or newer with its venv module")?;
    step::quietly(step::program(system).args(["-m", "venv", "--clear"]).arg(&folder))?;
    step::quietly(
        step::program(&python)
            .args(["-m", "pip", "install", "--quiet", "-r"])
            .arg(&requirements),
    )?;
    fs::write(stamp, wanted)?;
    Ok(python)
}

fn kafka(cache: &Path, java: Option<&Path>) -> Result<PathBuf> {
    let dependencies = [
        dependency("org.apache.kafka", "kafka_2.13", KAFKA, ""),
        dependency("org.apache.kafka", "kafka-tools", KAFKA, NO_KAFKA),
    ];
    let jars = jars(cache, "kafka", &dependencies.concat())?;
    // Without it everything works, and takes longer.
    if let Some(Err(error)) = java.map(|java| java::archive_classes(java, &jars)) {
        step::say(&format!("  {error:#}"));
    }
    Ok(jars)
}

/// A folder with the jars of these dependencies, all that they need and a binding for their logs.
pub fn jars(cache: &Path, name: &str, dependencies: &str) -> Result<PathBuf> {
    let folder = cache.join(format!("{name}-{KAFKA}"));
    if folder.join("complete").is_file() {
        return Ok(folder);
    }
    let maven = installed("mvn", "install Apache Maven")?;
    let project = cache.join(format!("{name}-maven"));
    fs::create_dir_all(&project)?;
    fs::write(project.join("pom.xml"), pom(name, dependencies))?;
    let mut command = step::program(maven);
    command.current_dir(&project).args(["--quiet", "--batch-mode"]);
    command.arg("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies");
    command
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .arg("-DincludeScope=runtime");
    step::quietly(&mut command)?;
    fs::write(folder.join("complete"), "")?;
    Ok(folder)
}

/// A jar of Maven Central: `group:artifact:version:jar`, with the classifier behind it if it has one.
fn jar(cache: &Path, artifact: &str) -> Result<PathBuf> {
    let parts: Vec<&str> = artifact.split(':').collect();
    let names = [parts.get(1), parts.get(2), parts.get(4)].into_iter().flatten();
    let name = names.copied().collect::<Vec<_>>().join("-");
    let jar = cache.join(format!("{name}.jar"));
    if jar.is_file() {
        return Ok(jar);
    }
    let maven = installed("mvn", "install Apache Maven")?;
    let mut command = step::program(maven);
    command.current_dir(cache).args(["--quiet", "--batch-mode"]);
    command
        .arg("org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy")
        .args([
            format!("-Dartifact={artifact}"),
            format!("-DoutputDirectory={}", cache.display()),
        ]);
    step::quietly(&mut command)?;
    Ok(jar)
}

/// What a pom says where jars of Kafka's own that something needs are there already.
const NO_KAFKA: &str = "<exclusions><exclusion><groupId>org.apache.kafka</groupId><artifactId>*</artifactId>\
                        </exclusion></exclusions>";

/// A dependency in a pom; `rest` is what more it says of it.
pub fn dependency(group: &str, artifact: &str, version: &str, rest: &str) -> String {
    format!(
        "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
         <version>{version}</version>{rest}</dependency>"
    )
}

fn pom(name: &str, dependencies: &str) -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>openmsk</groupId><artifactId>{name}</artifactId><version>1</version><packaging>pom</packaging>\
         <dependencies>{dependencies}{}</dependencies></project>\n",
        dependency("org.apache.logging.log4j", "log4j-slf4j-impl", LOG4J, ""),
    )
}

fn franz_go(cache: &Path) -> Result<PathBuf> {
    go_program(cache, "franz-go", &["build"])
}

fn plugin_testing(cache: &Path) -> Result<PathBuf> {
    go_program(cache, "plugin-testing", &["test", "-c"])
}

fn tfplugindocs(cache: &Path) -> Result<PathBuf> {
    let folder = cache.join(format!("tfplugindocs-{TFPLUGINDOCS}"));
    let binary = folder.join("tfplugindocs");
    if binary.is_file() {
        return Ok(binary);
    }
    let go = installed("go", "install Go 1.26 or newer")?;
    let mut install = step::program(go);
    install.args(["install", SHARED]).arg(format!(
        "github.com/hashicorp/terraform-plugin-docs/cmd/tfplugindocs@{TFPLUGINDOCS}"
    ));
    step::quietly(install.env("GOBIN", &folder).env("CGO_ENABLED", "0"))?;
    Ok(binary)
}

/// A program of ours in Go, built with what it needs from the module proxy. Go knows by itself what has changed.
pub fn go_program(cache: &Path, name: &str, how: &[&str]) -> Result<PathBuf> {
    let go = installed("go", "install Go 1.26 or newer")?;
    let binary = cache.join(name);
    let mut command = step::program(go);
    command.current_dir(step::repository().join("acceptance-tests/programs").join(name));
    command.args(how).args([SHARED, "-o"]).arg(&binary).arg(".");
    step::quietly(command.env("CGO_ENABLED", "0"))?;
    Ok(binary)
}
