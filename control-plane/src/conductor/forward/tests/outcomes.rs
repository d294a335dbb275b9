//! An owner that dies, hangs, is not there, or has lost the node: how often the call is sent, and what the client is told.

use super::fixture::{Cell, NODE, Running, Way};
use super::until;
use crate::conductor::requests::{ProvisionRequest, RequestError};
use crate::conductor::{Conductor, ForwardFigures, Peer, PeerError, Peers};
use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::{get, post};
use ferric_model::conductor::ConductorRecord;
use ferric_model::ids::{Epoch, Incarnation};
use ferric_model::node::Ownership;
use ferric_model::state::ProvisionState;
use ferric_model::verb::Verb;
use ferric_store::{Entity, Key, Store, Transaction};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use uuid::Uuid;

async fn manage(two: &Running) -> Result<(), RequestError> {
    two.conductor
        .provision(NODE, ProvisionRequest::new(Verb::Manage))
        .await
}

fn busy(outcome: Result<(), RequestError>) -> String {
    match outcome {
        Err(RequestError::Busy {
            reason,
            retry_after_s,
        }) => {
            assert!(retry_after_s > 0);
            reason
        }
        other => panic!("busy was expected, not {other:?}"),
    }
}

fn unanswered(outcome: Result<(), RequestError>) -> String {
    match outcome {
        Err(RequestError::Unanswered(text)) => text,
        other => panic!("no answer was expected, not {other:?}"),
    }
}

/// Calls that an owner has read which then never answers. Of each test its own, by the process that nextest gives it;
/// under one process for all, by the difference.
static READ: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];

fn mute<const N: usize>(_: Conductor) -> Router {
    let read = |body: Body| async move {
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        assert!(String::from_utf8_lossy(&bytes).contains("manage"));
        READ[N].fetch_add(1, Ordering::SeqCst);
        std::future::pending::<()>().await;
    };
    Router::new()
        .route("/cluster/v1/hello", get(|| async { "{}" }))
        .route("/cluster/v1/call", post(read))
}

#[tokio::test]
async fn an_owner_that_dies_with_the_call_in_hand_gets_it_once() {
    let cell = Cell::new();
    let owner = Way {
        router: mute::<0>,
        ..Way::default()
    };
    let (mut one, two) = cell.pair_of(owner, Way::default()).await;
    let dying = async {
        until("the call", async || READ[0].load(Ordering::SeqCst) == 1).await;
        one.silence().await;
    };
    let (outcome, ()) = tokio::join!(manage(&two), dying);
    let text = unanswered(outcome);
    for part in ["one", "may have been done", "/ferric/v1/nodes/"] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(READ[0].load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_owner_that_hangs_is_waited_for_until_the_deadline_and_asked_once() {
    let cell = Cell::new();
    let owner = Way {
        router: mute::<1>,
        ..Way::default()
    };
    let asked = Way {
        forward_timeout_s: 1,
        ..Way::default()
    };
    let (_one, two) = cell.pair_of(owner, asked).await;
    unanswered(manage(&two).await);
    assert_eq!(READ[1].load(Ordering::SeqCst), 1);
    let figures = figures(&two, 1);
    assert_eq!(figures.failed, BTreeMap::from([("unanswered", 1)]));
    assert!(figures.took >= Duration::from_secs(1), "{figures:?}");
}

/// Of calls none of which was answered.
fn figures(two: &Running, made: u64) -> ForwardFigures {
    let figures = two.conductor.forward_figures();
    assert_eq!((figures.made, figures.answered), (made, 0), "{figures:?}");
    figures
}

#[tokio::test]
async fn calls_that_are_done_or_refused_are_counted_as_answered() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    manage(&two).await.unwrap();
    let absurd = two
        .conductor
        .provision(NODE, ProvisionRequest::new(Verb::Rescue));
    absurd.await.unwrap_err();
    let figures = two.conductor.forward_figures();
    assert_eq!((figures.made, figures.answered), (2, 2));
    assert_eq!(figures.failed, BTreeMap::new());
    assert!(!figures.took.is_zero());
}

#[tokio::test]
async fn an_owner_that_is_not_there_has_done_nothing() {
    let cell = Cell::new();
    let (mut one, two) = cell.pair().await;
    one.silence().await;
    let reason = busy(manage(&two).await);
    assert!(
        reason.contains("conductor one") || reason.contains("Conductor one"),
        "{reason}"
    );
    assert!(reason.contains("nothing was done"), "{reason}");
    assert_eq!(cell.node().await.provision_state, ProvisionState::Enroll);
    let figures = figures(&two, 1);
    assert_eq!(figures.failed, BTreeMap::from([("not_reached", 1)]));
}

/// Takes calls in place of a conductor, after something has happened.
struct Staged {
    store: Arc<dyn Store>,
    calls: AtomicUsize,
    /// The owner that the node has by the time that the call arrives.
    next_owner: Mutex<Option<Ownership>>,
    answer: Result<&'static str, ()>,
}

impl Staged {
    fn new(cell: &Cell, answer: Result<&'static str, ()>) -> Arc<Self> {
        Arc::new(Self {
            store: cell.store.clone(),
            calls: AtomicUsize::new(0),
            next_owner: Mutex::new(None),
            answer,
        })
    }

    fn way(self: &Arc<Self>) -> Way {
        Way {
            peers: Some(self.clone()),
            ..Way::default()
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Peers for Staged {
    async fn call(&self, _: &Peer, _: Vec<u8>, _: Duration) -> Result<Vec<u8>, PeerError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let next = self.next_owner.lock().take();
        if next.is_some() {
            let key = ferric_store::Key::new(ferric_store::Table::Node, NODE);
            let record = self.store.get(&key).await.unwrap().expect("the node");
            let mut node: ferric_model::node::Node = record.decode().unwrap();
            node.ownership = next;
            self.store
                .commit(Transaction::new().put(&node))
                .await
                .unwrap();
        }
        match self.answer {
            Ok(text) => Ok(text.as_bytes().to_vec()),
            Err(()) => Err(PeerError::NotReached("it is off".into())),
        }
    }
}

fn ownership(conductor: &str, incarnation: Incarnation) -> Option<Ownership> {
    let (conductor, epoch) = (conductor.to_owned(), Epoch(2));
    Some(Ownership {
        conductor,
        incarnation,
        epoch,
    })
}

/// The node goes to `two` while `two` hands the call to `one`: what `one` did not do is done here.
#[tokio::test]
async fn a_call_that_did_not_arrive_follows_the_node_to_its_new_owner() {
    for answer in [Ok("\"not_mine\""), Err(())] {
        let cell = Cell::new();
        let staged = Staged::new(&cell, answer);
        let (_one, two) = cell.pair_of(Way::default(), staged.way()).await;
        *staged.next_owner.lock() = ownership("two", two.conductor.incarnation());
        manage(&two).await.unwrap();
        assert_eq!(staged.calls(), 1, "{answer:?}");
        until("manageable", async || {
            cell.node().await.provision_state == ProvisionState::Manageable
        })
        .await;
        let writers = cell.writers().await;
        assert_eq!(writers.last().map(String::as_str), Some("two"));
    }
}

#[tokio::test]
async fn a_call_does_not_run_after_a_node_for_ever() {
    let cell = Cell::new();
    let staged = Staged::new(&cell, Ok("\"not_mine\""));
    let (_one, two) = cell.pair_of(Way::default(), staged.way()).await;
    assert!(busy(manage(&two).await).contains("changes hands"));
    assert_eq!(
        staged.calls(),
        1,
        "the owner was the same, and was asked again"
    );
}

#[tokio::test]
async fn an_older_conductor_says_that_it_does_not_know_the_call() {
    let cell = Cell::new();
    let staged = Staged::new(
        &cell,
        Ok(r#"{"not_understood":{"reason":"the call is new"}}"#),
    );
    let (_one, two) = cell.pair_of(Way::default(), staged.way()).await;
    let reason = busy(manage(&two).await);
    assert!(reason.contains("older version"), "{reason}");
    assert_eq!(staged.calls(), 1);
}

/// What cannot be read was done all the same.
#[tokio::test]
async fn an_answer_that_cannot_be_read_is_none() {
    let cell = Cell::new();
    let staged = Staged::new(&cell, Ok(r#"{"done":{"something_new":1}}"#));
    let (_one, two) = cell.pair_of(Way::default(), staged.way()).await;
    unanswered(manage(&two).await);
    assert_eq!(staged.calls(), 1);
}

#[tokio::test]
async fn a_node_without_a_conductor_that_runs_is_waited_for() {
    let cell = Cell::new();
    let staged = Staged::new(&cell, Err(()));
    let (one, two) = cell.pair_of(Way::default(), staged.way()).await;
    let restarted = Incarnation(Uuid::from_u128(9));
    for owner in [
        None,
        ownership("one", restarted),
        ownership("two", restarted),
        ownership("three", restarted),
    ] {
        cell.edit(|node| node.ownership = owner.clone()).await;
        let reason = busy(manage(&two).await);
        assert!(reason.contains("takes"), "{owner:?}: {reason}");
    }
    let key = Key::new(ConductorRecord::TABLE, "one");
    let known = cell.store.get(&key).await.unwrap().expect("its record");
    let mut left: ConductorRecord = known.decode().unwrap();
    left.online = false;
    cell.store
        .commit(Transaction::new().put(&left))
        .await
        .unwrap();
    cell.edit(|node| node.ownership = ownership("one", one.conductor.incarnation()))
        .await;
    assert!(busy(manage(&two).await).contains("not running"));
    assert_eq!(staged.calls(), 0);
}

#[tokio::test]
async fn without_a_cluster_section_the_client_is_told_whom_to_ask() {
    let cell = Cell::new();
    let (_one, _two) = cell.pair().await;
    let state = cell.folder.path().join("three");
    let three = Conductor::new(cell.parts(&state, "three", None));
    three.start().await.unwrap();
    let asked = three.provision(NODE, ProvisionRequest::new(Verb::Manage));
    let reason = busy(asked.await);
    assert!(reason.contains("conductor one"), "{reason}");
    assert!(reason.contains("[cluster]"), "{reason}");
}
