//! Candidates that cannot be asked for, or cannot be read: they cost an allocation little, and end nothing too early.

use super::deaths::waiting;
use super::{asked, asking, edit, ended, error, found, free, id, is_paired, lab, node_id};
use crate::boot::BootPlane;
use crate::conductor::tests::cluster_lab::Cluster as Lot;
use crate::conductor::tests::halting_store::HaltingStore;
use crate::conductor::tests::lab::Lab;
use crate::conductor::{
    Conductor, HttpTransport, Parts, Peer, PeerError, Peers, SystemEnvironment,
};
use crate::config::{Cluster, Settings};
use async_trait::async_trait;
use ferric_drivers::Enabled;
use ferric_model::allocation::AllocationState;
use ferric_model::conductor::ConductorRecord;
use ferric_model::ids::{Epoch, Incarnation, NodeId};
use ferric_model::node::Ownership;
use ferric_store::{Store, Transaction};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// Its document says whose it is, and the rest is of no version that is known here.
async fn spoil(store: &dyn Store, id: NodeId) {
    let node = super::node(store, id).await;
    let mut spoilt = Transaction::new().put(&node);
    let document = serde_json::json!({"ownership": node.ownership});
    spoilt.put[0].document = document.to_string().into_bytes();
    store.commit(spoilt).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_cannot_be_read_is_skipped() {
    let lab = lab().await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    let traits = vec!["CUSTOM_A".to_owned()];
    for number in [1, 2] {
        let node = free(&conductor, number).await;
        edit(store, node, |node| node.traits.clone_from(&traits)).await;
    }
    spoil(store, node_id(1)).await;
    let text = error(&lab, 1, |asked| asked.candidate_nodes = vec![node_id(1)]).await;
    assert!(text.contains("all nodes were filtered out"), "{text}");
    let text = error(&lab, 2, |asked| {
        asked.candidate_nodes = vec![node_id(1)];
        asked.traits.clone_from(&traits);
    })
    .await;
    assert!(text.contains("have the requested traits"), "{text}");
    let allocation = asking(&conductor, 3, |asked| asked.traits.clone_from(&traits));
    conductor.create_allocation(allocation).await.unwrap();
    is_paired(store, &ended(store, id(3)).await).await;
}

#[tokio::test(start_paused = true)]
async fn patience_begins_when_the_candidates_are_out_of_reach() {
    let cluster = Lot::new();
    let (_owner, (_, other)) = waiting(&cluster).await;
    let store = cluster.lab.store.as_ref();
    let begun = Instant::now();
    let allocation = asking(&other.conductor, 2, |asked| {
        asked.created_at -= SignedDuration::from_hours(1);
    });
    let made = other.conductor.create_allocation(allocation).await;
    made.unwrap();
    sleep(Duration::from_secs(60)).await;
    let state = found(store, id(2)).await.unwrap().state;
    assert_eq!(state, AllocationState::Allocating);
    let allocation = ended(store, id(2)).await;
    let text = allocation.last_error.expect("a reason");
    assert!(text.contains("could not reserve any of 1"), "{text}");
    assert!(begun.elapsed() >= Duration::from_secs(600));
}

/// A conductor that takes calls and never answers.
#[derive(Default)]
struct Mute {
    calls: AtomicUsize,
}

#[async_trait]
impl Peers for Mute {
    async fn call(&self, _: &Peer, _: Vec<u8>, limit: Duration) -> Result<Vec<u8>, PeerError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        sleep(limit).await;
        Err(PeerError::Unanswered("it is stopped".into()))
    }
}

/// A conductor that sends calls on in this way.
async fn conductor(lab: &Lab, peers: Arc<dyn Peers>) -> Conductor {
    let mut settings = Settings::clone(&lab.settings);
    settings.cluster = Some(Cluster {
        listen: "127.0.0.1:1".parse().unwrap(),
        url: "https://127.0.0.1:1".to_owned(),
        ca: lab.folder.path().join("ca.pem"),
        certificate: lab.folder.path().join("certificate.pem"),
        key: lab.folder.path().join("key.pem"),
        forward_timeout_s: Cluster::FORWARD_TIMEOUT_S,
    });
    let (settings, store) = (Arc::new(settings), HaltingStore::shared(lab.store.clone()));
    let parts = Parts {
        boot: BootPlane::new(settings.clone(), store.clone(), reqwest::Client::new()),
        settings,
        store,
        drivers: Arc::new(lab.drivers()),
        enabled: Enabled::default(),
        environment: Arc::new(SystemEnvironment::new()),
        transport: Arc::new(HttpTransport::default()),
    };
    let conductor = Conductor::with_peers(parts, peers);
    conductor.start().await.unwrap();
    conductor
}

#[tokio::test(start_paused = true)]
async fn a_silent_conductor_is_asked_once_and_not_for_long() {
    let (lab, peers) = (Lab::new(), Arc::new(Mute::default()));
    let conductor = conductor(&lab, peers.clone()).await;
    let incarnation = Incarnation(Uuid::from_u128(2));
    let other = ConductorRecord {
        hostname: "two".to_owned(),
        incarnation,
        conductor_group: String::new(),
        drivers: vec!["fake-hardware".to_owned()],
        interfaces: BTreeMap::new(),
        online: true,
        address: Some("https://127.0.0.1:2".to_owned()),
        created_at: conductor.now(),
        updated_at: conductor.now(),
        own_clock: None,
    };
    let known = Transaction::new().put(&other);
    lab.store.commit(known).await.unwrap();
    for number in 1..=3 {
        let node = free(&conductor, number).await;
        edit(lab.store.as_ref(), node, |node| {
            node.ownership = Some(Ownership {
                conductor: "two".to_owned(),
                incarnation,
                epoch: Epoch(7),
            });
        })
        .await;
    }
    let begun = Instant::now();
    let asked = asked(&conductor, 1).await;
    while conductor.is_allocating(asked) {
        sleep(Duration::from_millis(250)).await;
    }
    assert_eq!(peers.calls.load(Ordering::SeqCst), 1);
    let took = begun.elapsed();
    assert!(took <= Duration::from_secs(15), "{took:?} of a turn");
    let state = found(lab.store.as_ref(), asked).await.unwrap().state;
    assert_eq!(state, AllocationState::Allocating);
}
