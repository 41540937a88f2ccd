//! sarama, aiokafka and KafkaJS: what an application and its operator do with each of them, one program a client. Topics, every
//! compression it has, a group that is rebalanced, offsets that are read back, transactions of which some are aborted, questions and
//! orders of an administrator.

use std::process::Command;

use acceptance_tests::{
    cluster::{PASSWORD, USER},
    suite::Suite,
    tools::Tools,
};
use anyhow::Result;

use crate::{
    Shared,
    programs::{file, succeed},
};

/// Adds the tests of this file.
pub fn add(suite: &mut Suite, tools: &Tools, shared: &Shared) {
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "sarama_does_what_applications_and_operators_do",
        "sarama",
        tools.sarama.clone(),
        move |client| run(&mut Command::new(client), &all, &of_all),
    );
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "aiokafka_does_what_applications_and_operators_do",
        "Python clients",
        tools.python.clone(),
        move |python| run(Command::new(python).arg(file("aiokafka_client.py")), &all, &of_all),
    );
    let (all, of_all) = (tools.clone(), shared.clone());
    suite.test_with(
        "kafkajs_does_what_applications_and_operators_do",
        "Node.js with KafkaJS",
        tools.node.clone().zip(tools.kafkajs.clone()),
        move |(node, modules)| {
            let mut command = Command::new(node);
            command.arg(file("kafkajs/client.js")).env("NODE_PATH", modules);
            run(&mut command, &all, &of_all)
        },
    );
}

fn run(command: &mut Command, tools: &Tools, shared: &Shared) -> Result<()> {
    let cluster = shared.cluster(tools)?;
    command.arg(&cluster.bootstrap).arg(&cluster.authority).arg(USER);
    succeed(command.env("KAFKA_PASSWORD", PASSWORD))
}
