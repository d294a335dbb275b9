//! What a conductor tells live, for those who follow events at another one.

use super::fixture::{Cell, NODE, Way};
use super::{PATIENCE, until};
use crate::conductor::{Conductor, Live};
use ferric_model::event::{TimelineEvent, What};
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

fn beat(conductor: &Conductor, version: &str) {
    let version = Some(version.to_owned());
    conductor.tell_live(NODE, None, What::Heartbeat { version });
}

/// The versions of all heartbeats, up to this one.
async fn heard(ears: &mut Live, last: &str) -> Vec<String> {
    let mut versions = Vec::new();
    while versions.last().is_none_or(|version| version != last) {
        match timeout(PATIENCE, ears.recv()).await.expect("it is told") {
            Ok(event) => versions.push(version(&event)),
            // Of what came before anybody read.
            Err(lost) => assert!(matches!(lost, RecvError::Lagged(_)), "{lost}"),
        }
    }
    versions
}

fn version(event: &Arc<TimelineEvent>) -> String {
    match &event.what {
        What::Heartbeat { version } => version.clone().unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

/// Until what one tells comes to the other: nobody says when the way is there.
async fn joined(from: &Conductor, ears: &mut Live) {
    until("the way between conductors", async || {
        beat(from, "early");
        matches!(ears.try_recv(), Ok(event) if event.conductor == from.host())
    })
    .await;
}

#[tokio::test]
async fn each_conductor_tells_what_the_other_one_sees_and_each_thing_once() {
    let cell = Cell::new();
    let (one, two) = cell.pair().await;
    let (one, two) = (&one.conductor, &two.conductor);
    let (mut at_one, mut at_two) = (one.follow_live(), two.follow_live());
    joined(one, &mut at_two).await;
    joined(two, &mut at_one).await;
    beat(one, "question");
    heard(&mut at_two, "question").await;
    beat(two, "answer");
    // What came back would have come before the answer.
    let told = heard(&mut at_one, "answer").await;
    let questions = told.iter().filter(|version| *version == "question");
    assert_eq!(questions.count(), 1, "{told:?}");
}

#[tokio::test]
async fn nobody_is_followed_when_nobody_listens() {
    let cell = Cell::new();
    let (one, two) = cell.pair().await;
    let followed = || one.conductor.live().own.receiver_count() > 0;
    assert!(!followed());
    for _ in 0..2 {
        let mut ears = two.conductor.follow_live();
        joined(&one.conductor, &mut ears).await;
        assert!(followed());
        drop(ears);
        until("the end of the way", async || !followed()).await;
    }
}

#[tokio::test]
async fn a_conductor_that_comes_back_elsewhere_is_heard_again() {
    let cell = Cell::new();
    let (mut one, two) = cell.pair().await;
    let mut ears = two.conductor.follow_live();
    joined(&one.conductor, &mut ears).await;
    one.silence().await;
    let again = cell.start("one", Way::default()).await;
    until("the new conductor's events", async || {
        beat(&again.conductor, "anew");
        matches!(ears.try_recv(), Ok(event) if version(&event) == "anew")
    })
    .await;
}
