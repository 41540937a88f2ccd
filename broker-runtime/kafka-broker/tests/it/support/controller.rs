//! The metadata controller in memory: `kafka_metadata::controller::decide` behind a unix socket. Fences a broker when
//! its connection ends, as the engine does when its process ends.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use kafka_metadata::{
    BrokerId, MetadataImage, MetadataOffset, MetadataRecord,
    controller::{ControllerDefaults, ControllerEvent, decide},
    rpc::{BrokerMessage, ControllerError, ControllerMessage, ControllerRequest, ControllerResponse},
};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream, unix::OwnedReadHalf},
    sync::mpsc,
};

pub const CLUSTER_ID: &str = "test-cluster-id-000000";

struct State {
    image: MetadataImage,
    log: Vec<MetadataRecord>,
    subscribers: HashMap<u64, mpsc::UnboundedSender<ControllerMessage>>,
    links: HashMap<BrokerId, u64>,
    next_link: u64,
    defaults: ControllerDefaults,
}

impl State {
    fn decide(&mut self, event: ControllerEvent) -> Result<ControllerResponse, ControllerError> {
        let decision = decide(&self.image, event, &self.defaults, &mut rand::rng())?;
        if !decision.records.is_empty() {
            let first_offset = MetadataOffset(i64::try_from(self.log.len()).unwrap());
            self.log.extend(decision.records.iter().cloned());
            self.image = decision.image;
            let message = ControllerMessage::Records {
                first_offset,
                records: decision.records,
                request_ids: Vec::new(),
            };
            self.subscribers
                .retain(|_, subscriber| subscriber.send(message.clone()).is_ok());
        }
        Ok(decision.response)
    }
}

/// The controller, until it is dropped.
#[derive(Clone)]
pub struct TestController {
    state: Arc<Mutex<State>>,
    pub socket: PathBuf,
}

impl TestController {
    /// Listens on `socket`; needs to be called inside of a runtime.
    pub fn start(socket: &Path, defaults: ControllerDefaults) -> io::Result<Self> {
        let mut state = State {
            image: MetadataImage::default(),
            log: Vec::new(),
            subscribers: HashMap::new(),
            links: HashMap::new(),
            next_link: 0,
            defaults,
        };
        state
            .decide(ControllerEvent::CreateCluster {
                cluster_id: CLUSTER_ID.to_owned(),
            })
            .unwrap();
        let controller = Self {
            state: Arc::new(Mutex::new(state)),
            socket: socket.to_owned(),
        };
        let listener = UnixListener::bind(socket)?;
        let accepting = controller.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        Ok(controller)
    }

    pub fn image(&self) -> MetadataImage {
        self.state.lock().image.clone()
    }

    pub fn ask(&self, request: ControllerRequest) -> Result<ControllerResponse, ControllerError> {
        self.state.lock().decide(ControllerEvent::Request(request))
    }

    async fn serve(self, stream: UnixStream) {
        let (mut reader, mut writer) = stream.into_split();
        let (sender, mut outgoing) = mpsc::unbounded_channel::<ControllerMessage>();
        let link = {
            let mut state = self.state.lock();
            state.next_link += 1;
            state.next_link
        };
        let writing = tokio::spawn(async move {
            while let Some(message) = outgoing.recv().await {
                let body = serde_json::to_vec(&message).unwrap();
                let mut frame = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
                frame.extend(body);
                if writer.write_all(&frame).await.is_err() {
                    return;
                }
            }
        });
        let mut registered = None;
        while let Some(message) = read(&mut reader).await {
            let mut state = self.state.lock();
            let mut from = None;
            if let ControllerRequest::Register {
                broker_id,
                metadata_from,
                ..
            } = &message.request
            {
                from = Some((*broker_id, *metadata_from));
            }
            let result = match message.request {
                // Whoever signs is let in: keys are the business of others.
                ControllerRequest::AuthenticateIam { url, .. } => {
                    Ok(ControllerResponse::Authenticated { principal: url.0 })
                }
                request => state.decide(ControllerEvent::Request(request)),
            };
            let accepted = result.is_ok();
            let _ = sender.send(ControllerMessage::Response { id: message.id, result });
            if let Some((broker_id, from)) = from.filter(|_| accepted) {
                registered = Some(broker_id);
                state.links.insert(broker_id, link);
                let start = usize::try_from(from.0).unwrap();
                let records = state.log[start..].to_vec();
                let _ = sender.send(ControllerMessage::Records {
                    first_offset: from,
                    records,
                    request_ids: Vec::new(),
                });
                state.subscribers.insert(link, sender.clone());
            }
        }
        let mut state = self.state.lock();
        state.subscribers.remove(&link);
        if let Some(broker_id) = registered
            && state.links.get(&broker_id) == Some(&link)
        {
            let _ = state.decide(ControllerEvent::Fence { broker_id });
        }
        drop(state);
        writing.abort();
    }
}

async fn read(reader: &mut OwnedReadHalf) -> Option<BrokerMessage> {
    let length = reader.read_u32().await.ok()?;
    let mut body = vec![0; usize::try_from(length).unwrap()];
    reader.read_exact(&mut body).await.ok()?;
    Some(serde_json::from_slice(&body).unwrap())
}
