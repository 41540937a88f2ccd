//! Two engines that only note what they are told, stopped at every step of a change, before it and after it.

use std::path::PathBuf;

use async_trait::async_trait;

use super::*;
use crate::{
    AclAdmin, Handover, IamAuthenticator, Metadata, MetadataFile, ObservedCluster, Offer, Progress, Quorum, QuotaAdmin,
    Step, Storage, TopicAdmin,
};

/// What is on the disk, and what runs.
#[derive(Debug)]
struct World {
    handed: Handed,
    taken: Taken,
    /// Brokers of the source run.
    runs: bool,
    /// The step that comes to no end, and whether it has been done.
    stops_at: Option<(&'static str, bool)>,
    fails_at: Option<&'static str>,
    said: Vec<&'static str>,
    /// The target holds what a trial has left.
    leftovers: bool,
}

/// One of the two engines.
struct Fake {
    name: &'static str,
    world: Arc<Mutex<World>>,
}

impl Fake {
    async fn step(&self, step: &'static str, does: impl FnOnce(&mut World) + Send) -> Result<(), EngineError> {
        let stops = {
            let mut world = self.world.lock();
            world.said.push(step);
            if world.fails_at == Some(step) {
                return Err(EngineError::Environment {
                    problem: format!("{step} fails"),
                    remedy: "mend it".to_owned(),
                });
            }
            let stops = world.stops_at.filter(|(at, _)| *at == step);
            if stops.is_none_or(|(_, is_done)| is_done) {
                does(&mut world);
            }
            stops.is_some()
        };
        if stops {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

struct NoMetadata;

impl Metadata for NoMetadata {
    fn snapshot(&self, _: &Quorum) -> Result<MetadataFile, EngineError> {
        unreachable!("nobody asks for it")
    }
}

fn offer() -> Offer {
    Offer {
        brokers: Default::default(),
        authority: PathBuf::new(),
        authority_key: PathBuf::new(),
        server_properties: Default::default(),
        scram_users: Default::default(),
    }
}

#[async_trait]
impl HandsOver for Fake {
    fn handed(&self, _: Uuid) -> Result<Handed, EngineError> {
        Ok(self.world.lock().handed)
    }

    fn offer(&self, _: Uuid) -> Result<Offer, EngineError> {
        Ok(offer())
    }

    async fn hand_over(&self, _: Uuid) -> Result<Handover, EngineError> {
        self.step("hand over", |world| (world.handed, world.runs) = (Handed::Begun, false))
            .await?;
        Ok(Handover {
            offer: offer(),
            metadata: Box::new(NoMetadata),
        })
    }

    async fn take_back(&self, _: Uuid) -> Result<(), EngineError> {
        self.step("take back", |world| {
            assert_eq!(world.taken, Taken::Nothing, "brokers run on directories that are there");
            (world.handed, world.runs) = (Handed::Nothing, true);
        })
        .await
    }

    async fn forget(&self, _: Uuid) -> Result<(), EngineError> {
        self.step("forget", |world| {
            assert_eq!(world.taken, Taken::Whole, "what is forgotten is somebody else's");
            world.handed = Handed::Forgotten;
        })
        .await
    }
}

#[async_trait]
impl TakesOver for Fake {
    fn taken(&self, _: Uuid) -> Result<Taken, EngineError> {
        Ok(self.world.lock().taken)
    }

    fn validate_offer(&self, _: &ClusterSpec, _: &Offer) -> Result<(), EngineError> {
        Ok(())
    }

    async fn prepare(&self, _: &ClusterSpec, _: &Offer) -> Result<(), EngineError> {
        self.step("prepare", |_| ()).await
    }

    async fn take_over(&self, _: &ClusterSpec, _: &Handover) -> Result<(), EngineError> {
        let take = |taken| {
            move |world: &mut World| {
                assert!(!world.runs, "nothing is taken from brokers that run");
                world.taken = taken;
            }
        };
        self.step("take in part", take(Taken::InPart)).await?;
        self.step("take as a whole", take(Taken::Whole)).await
    }

    async fn give_back(&self, _: Uuid) -> Result<(), EngineError> {
        self.step("give back", |world| {
            world.leftovers = false;
            assert_ne!(world.taken, Taken::Whole, "there is no way back");
            world.taken = Taken::Nothing;
        })
        .await
    }
}

#[async_trait]
impl Engine for Fake {
    fn name(&self) -> &'static str {
        self.name
    }

    fn validate(&self, _: &ClusterSpec) -> Result<(), EngineError> {
        Ok(())
    }

    async fn ensure(&self, _: &ClusterSpec) -> Result<(), EngineError> {
        let world = self.world.lock();
        let is_whole = match self.name {
            "source" => world.handed == Handed::Nothing && world.taken == Taken::Nothing && world.runs,
            _ => world.taken == Taken::Whole && !world.runs,
        };
        assert!(is_whole, "{} brings up {world:?}", self.name);
        Ok(())
    }

    fn authenticate_with(&self, _: Arc<dyn IamAuthenticator>) {}

    fn progress(&self, _: Uuid) -> Option<Progress> {
        None
    }

    async fn observe(&self, _: Uuid) -> Result<Option<ObservedCluster>, EngineError> {
        Ok(None)
    }

    async fn remove(&self, _: Uuid) -> Result<(), EngineError> {
        let mut world = self.world.lock();
        if self.name == "source" {
            (world.handed, world.runs) = (Handed::Nothing, false);
        } else {
            world.taken = Taken::Nothing;
        }
        world.said.push(self.name);
        Ok(())
    }

    async fn rebalance(&self, _: Uuid) -> Result<usize, EngineError> {
        Ok(0)
    }

    fn storage(&self) -> Result<Storage, EngineError> {
        Ok(Storage::default())
    }

    async fn renew_certificates(&self, _: Uuid) -> Result<usize, EngineError> {
        Ok(0)
    }

    async fn list(&self) -> Result<Vec<Uuid>, EngineError> {
        let world = self.world.lock();
        let has_any = self.name == "source" || world.leftovers || world.taken != Taken::Nothing;
        Ok(has_any.then_some(ID).into_iter().collect())
    }

    fn hands_over(&self) -> Option<&dyn HandsOver> {
        (self.name == "source").then_some(self)
    }

    fn takes_over(&self) -> Option<&dyn TakesOver> {
        (self.name == "target").then_some(self)
    }

    fn topics(&self) -> &dyn TopicAdmin {
        unreachable!("nobody asks for it")
    }

    fn acls(&self) -> &dyn AclAdmin {
        unreachable!("nobody asks for it")
    }

    fn quotas(&self) -> &dyn QuotaAdmin {
        unreachable!("nobody asks for it")
    }
}

const ID: Uuid = Uuid::from_u128(7);
/// The steps of a change that succeeds.
const STEPS: [&str; 5] = ["prepare", "hand over", "take in part", "take as a whole", "forget"];

fn spec(engine: &str) -> ClusterSpec {
    ClusterSpec {
        cluster_id: ID,
        cluster_name: "orders".to_owned(),
        engine: engine.to_owned(),
        kafka_version: String::new(),
        broker_count: 1,
        zones: Vec::new(),
        listeners: Default::default(),
        client_certificates: None,
        reach: Default::default(),
        exporters: Default::default(),
        monitoring: String::new(),
        log_delivery: None,
        resources: None,
        volume_bytes: None,
        encryption_key: None,
        server_properties: Default::default(),
        scram_users: Vec::new(),
        reboots: Default::default(),
        certificate_rotations: 0,
    }
}

fn world() -> Arc<Mutex<World>> {
    Arc::new(Mutex::new(World {
        handed: Handed::Nothing,
        taken: Taken::Nothing,
        runs: true,
        stops_at: None,
        fails_at: None,
        said: Vec::new(),
        leftovers: false,
    }))
}

async fn engines(world: &Arc<Mutex<World>>) -> Engines {
    let fake = |name| {
        Arc::new(Fake {
            name,
            world: Arc::clone(world),
        })
    };
    Engines::new(vec![fake("source"), fake("target")]).await.unwrap()
}

fn states(world: &Mutex<World>) -> (Handed, Taken) {
    let world = world.lock();
    (world.handed, world.taken)
}

/// As far as it comes without waiting, which is where the runtime is killed.
async fn until_it_waits<T>(doing: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = doing => Some(done),
        () = std::future::ready(()) => None,
    }
}

/// The worlds that kills at all steps leave, with the engines that have lived through it and those of the next runtime.
async fn killed() -> Vec<(Arc<Mutex<World>>, [Engines; 2])> {
    let mut all = Vec::new();
    for step in STEPS {
        for is_done in [false, true] {
            let world = world();
            let engines_before = engines(&world).await;
            world.lock().stops_at = Some((step, is_done));
            assert!(
                until_it_waits(engines_before.ensure(&spec("target"))).await.is_none(),
                "{step}"
            );
            assert_eq!(engines_before.progress(ID), None, "nothing is under way any more");
            world.lock().stops_at = None;
            let engines_after = engines(&world).await;
            all.push((world, [engines_before, engines_after]));
        }
    }
    all
}

#[tokio::test]
async fn change_is_carried_on_wherever_it_was_cut_off() {
    for which in [0, 1] {
        for (world, engines) in killed().await {
            let engines = &engines[which];
            engines.ensure(&spec("target")).await.unwrap();
            assert_eq!(states(&world), (Handed::Forgotten, Taken::Whole));
            assert_eq!(engines.engine_of(ID), "target");
            engines.ensure(&spec("target")).await.unwrap();
            assert!(engines.validate(&spec("source")).is_err() && engines.ensure(&spec("source")).await.is_err());
        }
    }
}

#[tokio::test]
async fn change_is_undone_until_the_cluster_is_taken_as_a_whole() {
    for which in [0, 1] {
        for (world, engines) in killed().await {
            let engines = &engines[which];
            let is_whole = world.lock().taken == Taken::Whole;
            let back = engines.ensure(&spec("source")).await;
            assert_eq!(back.is_err(), is_whole, "{world:?}");
            if !is_whole {
                assert_eq!(engines.engine_of(ID), "source");
                assert_eq!(states(&world), (Handed::Nothing, Taken::Nothing));
            }
        }
    }
}

#[tokio::test]
async fn cluster_is_removed_from_both_engines_wherever_its_change_was_cut_off() {
    for (world, [_, engines]) in killed().await {
        engines.remove(ID).await.unwrap();
        let world = world.lock();
        assert_eq!(
            (world.handed, world.taken, world.runs),
            (Handed::Nothing, Taken::Nothing, false)
        );
    }
}

#[tokio::test]
async fn step_that_fails_leaves_the_cluster_where_it_was() {
    for step in &STEPS[..4] {
        let world = world();
        let engines = engines(&world).await;
        world.lock().fails_at = Some(step);
        let error = engines.ensure(&spec("target")).await.unwrap_err();
        assert_eq!(error.to_string(), format!("{step} fails; mend it"));
        assert_eq!(engines.engine_of(ID), "source");
        assert!(world.lock().runs, "{step}");
        world.lock().fails_at = None;
        engines.ensure(&spec("source")).await.unwrap();
    }
}

#[tokio::test]
async fn way_back_that_fails_is_told_and_tried_again() {
    let world = world();
    let engines = engines(&world).await;
    // The one after the other fails: of what is said first the cause stays to be read.
    world.lock().fails_at = Some("take back");
    world.lock().stops_at = Some(("take in part", true));
    assert!(until_it_waits(engines.ensure(&spec("target"))).await.is_none());
    world.lock().stops_at = None;
    assert!(engines.ensure(&spec("source")).await.is_err());
    assert_eq!(world.lock().taken, Taken::Nothing, "it has been given back");
    world.lock().fails_at = None;
    engines.ensure(&spec("source")).await.unwrap();
    assert!(world.lock().runs);
}

#[tokio::test]
async fn what_a_trial_has_left_is_no_claim_and_goes_with_the_cluster() {
    let world = world();
    world.lock().leftovers = true;
    let engines = engines(&world).await;
    assert_eq!(engines.engine_of(ID), "source");
    engines.remove(ID).await.unwrap();
    assert!(!world.lock().leftovers);
}

#[tokio::test]
async fn change_tells_that_it_is_under_way() {
    let world = world();
    let engines = engines(&world).await;
    world.lock().stops_at = Some(("hand over", false));
    let wanted = spec("target");
    let mut changing = Box::pin(engines.ensure(&wanted));
    assert!(until_it_waits(changing.as_mut()).await.is_none());
    assert_eq!(engines.progress(ID), Some(Progress::begun(Step::TakeOver)));
    drop(changing);
    assert_eq!(engines.progress(ID), None);
}
