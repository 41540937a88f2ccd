//! A broker as far as the engine and the controller can tell: binds its ports, registers, applies metadata, beats.

use std::{fs, io, path::Path, process::ExitCode, time::Duration};

use kafka_metadata::{
    BrokerEpoch, BrokerId, Endpoint, MetadataOffset,
    rpc::{BrokerMessage, ControllerMessage, ControllerRequest, ControllerResponse},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UnixStream, unix::OwnedReadHalf},
    sync::mpsc,
};
use uuid::Uuid;

const BEAT: Duration = Duration::from_millis(100);

pub fn run(config: &Path) -> ExitCode {
    let folder = config.parent().unwrap();
    // A test asks for a broker that fails by a file beside its configuration, or above for all brokers.
    for wish in [
        folder.join("misbehave"),
        folder.parent().unwrap().parent().unwrap().join("misbehave"),
    ] {
        if let Ok(text) = fs::read_to_string(wish) {
            eprintln!("some line\n{text}");
            return ExitCode::from(3);
        }
    }
    while folder.parent().unwrap().parent().unwrap().join("hang").exists() {
        std::thread::sleep(BEAT);
    }
    let config: Value = serde_json::from_slice(&fs::read(config).unwrap()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut listeners = Vec::new();
        for listener in config["listeners"].as_array().unwrap() {
            let (host, port) = (listener["host"].as_str().unwrap(), listener["port"].as_u64().unwrap());
            listeners.push(
                TcpListener::bind(format!("{host}:{port}"))
                    .await
                    .expect("the port is free"),
            );
        }
        let incarnation = Uuid::new_v4();
        loop {
            if let Ok(stream) = UnixStream::connect(config["controller_socket"].as_str().unwrap()).await {
                let _ = serve(stream, &config, incarnation).await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

async fn serve(stream: UnixStream, config: &Value, incarnation_id: Uuid) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let (sender, mut messages) = mpsc::channel(64);
    let reading = tokio::spawn(read_all(reader, sender));
    let broker_id = BrokerId(i32::try_from(config["broker_id"].as_i64().unwrap()).unwrap());
    let endpoints = config["listeners"].as_array().unwrap().iter().map(|listener| Endpoint {
        listener: listener["name"].as_str().unwrap().to_owned(),
        host: listener["host"].as_str().unwrap().to_owned(),
        port: u16::try_from(listener["port"].as_u64().unwrap()).unwrap(),
    });
    let register = ControllerRequest::Register {
        broker_id,
        cluster_id: config["cluster_id"].as_str().unwrap().to_owned(),
        incarnation_id,
        boot_id: "boot".to_owned(),
        log_dirs: Vec::new(),
        rack: config["rack"].as_str().map(str::to_owned),
        endpoints: endpoints.collect(),
        metadata_from: MetadataOffset(0),
    };
    send(
        &mut writer,
        &BrokerMessage {
            id: 0,
            request: register,
        },
    )
    .await?;
    let mut epoch: Option<BrokerEpoch> = None;
    let mut applied = None;
    let mut beats = 0;
    let mut timer = tokio::time::interval(BEAT);
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Some(ControllerMessage::Response { id: 0, result }) => match result {
                    Ok(ControllerResponse::Registered { broker_epoch }) => epoch = Some(broker_epoch),
                    other => panic!("registration was refused: {other:?}"),
                },
                Some(ControllerMessage::Response { .. }) => continue,
                Some(ControllerMessage::Records { first_offset, records, .. }) => {
                    applied = Some(MetadataOffset(first_offset.0 + i64::try_from(records.len()).unwrap() - 1));
                }
                Some(ControllerMessage::Snapshot { applied: at, .. }) => applied = Some(at),
                None => break,
            },
            _ = timer.tick() => (),
        }
        if let Some(broker_epoch) = epoch {
            beats += 1;
            let request = ControllerRequest::Heartbeat {
                broker_id,
                broker_epoch,
                applied,
                want_shutdown: false,
            };
            send(&mut writer, &BrokerMessage { id: beats, request }).await?;
        }
    }
    reading.abort();
    Ok(())
}

async fn read_all(mut reader: OwnedReadHalf, sender: mpsc::Sender<ControllerMessage>) -> io::Result<()> {
    loop {
        let length = reader.read_u32().await?;
        let mut body = vec![0; usize::try_from(length).unwrap()];
        reader.read_exact(&mut body).await?;
        if sender.send(serde_json::from_slice(&body)?).await.is_err() {
            return Ok(());
        }
    }
}

async fn send(writer: &mut (impl AsyncWriteExt + Unpin), message: &BrokerMessage) -> io::Result<()> {
    let body = serde_json::to_vec(message)?;
    writer.write_u32(u32::try_from(body.len()).unwrap()).await?;
    writer.write_all(&body).await
}
