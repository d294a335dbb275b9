//! What the agent logs, in the timeline.

use super::agent::{Manners, Plan};
use super::lab::Lab;
use ferric_model::event::{TimelineEvent, What};
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::EventFilter;

const LINES: [&str; 2] = [
    "ferric-agent begins",
    "a disk is written device=\"/dev/vda\" serial=\"Z1D\"",
];

async fn deployed(plan: Plan) -> Vec<TimelineEvent> {
    let mut lab = Lab::new();
    lab.plan(plan);
    lab.start(None).await;
    lab.enroll_real().await;
    lab.make_available().await;
    lab.go(Verb::Deploy, State::Active).await;
    let filter = EventFilter {
        node: Some(lab.machine.node),
        ..EventFilter::default()
    };
    let stored = lab.store.events(&filter).await.unwrap();
    stored.into_iter().map(|stored| stored.event).collect()
}

fn lines(event: &TimelineEvent) -> Option<&[String]> {
    match &event.what {
        What::AgentLog { lines, lost: 0 } => Some(lines),
        What::AgentLog { .. } => panic!("{event:?}"),
        _ => None,
    }
}

/// What happens from the beginning of `write_image` to its end.
fn while_writing(events: &[TimelineEvent]) -> &[TimelineEvent] {
    let begin = events.iter().position(
        |event| matches!(&event.what, What::StepStarted { step, .. } if step.step == "write_image"),
    );
    let rest = &events[begin.unwrap()..];
    let end = rest.iter().position(
        |event| matches!(&event.what, What::StepDone { step, .. } if step.step == "write_image"),
    );
    &rest[..end.unwrap()]
}

#[tokio::test(start_paused = true)]
async fn each_agents_log_is_in_the_timeline_once_and_while_it_works() {
    let events = deployed(Plan {
        log: &LINES,
        ..Plan::default()
    })
    .await;
    let told: Vec<&[String]> = events.iter().filter_map(lines).collect();
    // The ramdisk was booted for cleaning, and for the deploy.
    assert_eq!(told, [LINES, LINES]);
    assert_eq!(while_writing(&events).iter().filter_map(lines).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_long_log_comes_in_pieces_that_keep_their_distance() {
    let line: &str = "x".repeat(1000).leak();
    let events = deployed(Plan {
        log: vec![line; 20].leak(),
        ..Plan::default()
    })
    .await;
    let pieces: Vec<&TimelineEvent> = while_writing(&events)
        .iter()
        .filter(|event| lines(event).is_some())
        .collect();
    let sizes: Vec<usize> = pieces
        .iter()
        .map(|event| lines(event).unwrap().len())
        .collect();
    assert_eq!(sizes, [8, 8, 4]);
    for pair in pieces.windows(2) {
        let distance = pair[1].at.duration_since(pair[0].at);
        assert!(distance.as_secs() >= 10, "{distance:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn ironics_agent_is_not_asked_for_its_log() {
    let events = deployed(Plan {
        log: &LINES,
        manners: Manners::Ironic,
        ..Plan::default()
    })
    .await;
    assert_eq!(events.iter().filter_map(lines).count(), 0);
}
