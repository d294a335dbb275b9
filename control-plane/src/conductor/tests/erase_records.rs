//! What an agent tells of erased disks is signed and kept, once, wherever the conductor dies; and no longer than the node.

use super::agent::{Manners, Plan};
use super::crashes::die_at;
use super::halting_store::Death;
use super::lab::Lab;
use crate::erase_records::{Verified, file, verify};
use ferric_agent_protocol::erase::{EraseMethod, EraseOutcome};
use ferric_model::erasure::{Envelope, EnvelopeSignature, SignedErasure};
use ferric_model::event::What;
use ferric_model::ids::{ErasureId, NodeId};
use ferric_model::run::Activity;
use ferric_model::state::ProvisionState as State;
use ferric_model::step::StepId;
use ferric_model::verb::Verb;
use ferric_store::{Query, Table, Transaction};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

const STEP: &str = "erase_devices_metadata";

fn disk(name: &str, finished_at: &str) -> Value {
    json!({
        "device": name, "serial": format!("S-{name}"), "model": "M", "wwn": null, "size_bytes": 1 << 20,
        "started_at": "2026-01-01T00:00:00Z", "finished_at": finished_at,
        "outcome": "erased", "method": "metadata", "failed_before": [], "sample_bytes": 0, "samples": [],
    })
}

fn good(name: &str) -> Value {
    disk(name, "2026-01-01T00:00:01Z")
}

/// A node that may be cleaned by an agent that answers so.
async fn manageable(manners: Manners, answer: Value) -> Lab {
    planned(Plan {
        manners,
        answer: Some((STEP, answer)),
        ..Plan::default()
    })
    .await
}

async fn planned(plan: Plan) -> Lab {
    let mut lab = Lab::new();
    lab.plan(plan);
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab
}

async fn kept(lab: &Lab) -> Vec<SignedErasure> {
    let all = Query::all(Table::EraseRecord);
    let records = lab.store.page(&all).await.unwrap().records;
    let records = records.iter().map(|record| record.decode().unwrap());
    records.collect()
}

/// Each of them checked with the key of the conductor that lives.
async fn verified(lab: &Lab) -> Vec<Verified> {
    let key = lab.conductor().erase_key().unwrap().public();
    let check = |erasure: SignedErasure| {
        let written = file(erasure.envelope).to_string();
        verify(written.as_bytes(), Some(&[key])).unwrap()
    };
    kept(lab).await.into_iter().map(check).collect()
}

fn devices(verified: &[Verified]) -> Vec<&str> {
    let erasures = verified.iter().map(|one| &one.statement.erasure);
    erasures.map(|erasure| erasure.device.as_str()).collect()
}

async fn notes(lab: &Lab) -> Vec<String> {
    let events = lab.events().await.into_iter();
    let notes = events.filter_map(|what| match what {
        What::Note { text } if text.contains("erase record") => Some(text),
        _ => None,
    });
    notes.collect()
}

#[tokio::test(start_paused = true)]
async fn a_record_says_whose_disk_it_was_and_who_was_told() {
    for manners in [Manners::Ferric, Manners::Ironic] {
        let answer = json!({"/dev/sda": good("/dev/sda"), "/dev/sdb": good("/dev/sdb")});
        let lab = manageable(manners, answer).await;
        lab.edit(|node| node.name = Some("rack-1".to_owned())).await;
        lab.go(Verb::Provide, State::Available).await;
        let verified = verified(&lab).await;
        assert_eq!(devices(&verified), ["/dev/sda", "/dev/sdb"]);
        let statement = &verified[0].statement;
        assert_eq!(statement.node.uuid, lab.machine.node);
        assert_eq!(statement.node.name.as_deref(), Some("rack-1"));
        assert_eq!(statement.conductor, "one");
        assert_eq!(statement.activity, Activity::Clean);
        assert_eq!(statement.step, StepId::new("deploy", STEP));
        assert_eq!(statement.erasure.serial.as_deref(), Some("S-/dev/sda"));
        let EraseOutcome::Erased { method, .. } = &statement.erasure.outcome else {
            panic!("{statement:?}");
        };
        assert_eq!(*method, EraseMethod::Metadata);
        assert_eq!(notes(&lab).await, Vec::<String>::new());
    }
}

/// What is answered with the command, before anybody waits for it.
#[tokio::test(start_paused = true)]
async fn a_step_that_is_done_at_once_has_its_records_too() {
    let step = "erase_devices";
    let lab = planned(Plan {
        clean_steps: json!([{"interface": "deploy", "step": step, "priority": 10}]),
        answer: Some((step, json!({"/dev/sda": good("/dev/sda")}))),
        ..Plan::default()
    })
    .await;
    lab.go(Verb::Provide, State::Available).await;
    let verified = verified(&lab).await;
    assert_eq!(devices(&verified), ["/dev/sda"]);
    assert_eq!(verified[0].statement.step, StepId::new("deploy", step));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_good_record_fails_no_step_and_is_told_of() {
    let answer = json!({
        "/dev/sda": good("/dev/sdx"), "/dev/sdb": good("/dev/sdb"), "/dev/sdc": null,
    });
    let lab = manageable(Manners::Ferric, answer).await;
    lab.go(Verb::Provide, State::Available).await;
    assert_eq!(lab.node().await.last_error, None);
    assert_eq!(devices(&verified(&lab).await), ["/dev/sdb"]);
    assert_eq!(
        notes(&lab).await,
        [
            "not every erase record that the agent has sent is kept: /dev/sda: its device has another name"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_of_a_clock_that_was_set_back_is_kept_and_told_of() {
    let answer = json!({
        "/dev/sda": disk("/dev/sda", "2025-01-01T00:00:00Z"), "/dev/sdb": good("/dev/sdb"),
    });
    let lab = manageable(Manners::Ferric, answer).await;
    lab.go(Verb::Provide, State::Available).await;
    assert_eq!(devices(&verified(&lab).await), ["/dev/sda", "/dev/sdb"]);
    assert_eq!(
        notes(&lab).await,
        [
            "the machine's clock was set back while /dev/sda was erased: by its erase record that ended before it \
             began"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn other_agents_answers_are_no_records() {
    for answer in [json!(null), json!({"/dev/sda": null}), json!(["outcome"])] {
        let lab = manageable(Manners::Ironic, answer).await;
        lab.go(Verb::Provide, State::Available).await;
        assert_eq!(kept(&lab).await, []);
        assert_eq!(notes(&lab).await, Vec::<String>::new());
    }
}

/// A node of whose disks one cannot be erased in this step.
async fn with_a_bad_disk(manners: Manners, step: &'static str) -> Lab {
    planned(Plan {
        manners,
        clean_steps: json!([{"interface": "deploy", "step": step, "priority": 10}]),
        failing: Some((step, "erasing /dev/sdb: it is broken")),
        answer: Some((step, json!({"/dev/sda": good("/dev/sda")}))),
        ..Plan::default()
    })
    .await
}

/// One of these is done before anybody waits for it.
#[tokio::test(start_paused = true)]
async fn a_step_that_fails_for_one_disk_has_the_records_of_the_others() {
    for step in [STEP, "erase_devices"] {
        let lab = with_a_bad_disk(Manners::Ferric, step).await;
        lab.go(Verb::Provide, State::CleanFailed).await;
        let error = lab.node().await.last_error.unwrap();
        assert!(error.contains("erasing /dev/sdb: it is broken"), "{error}");
        let verified = verified(&lab).await;
        assert_eq!(devices(&verified), ["/dev/sda"], "{step}");
        assert_eq!(verified[0].statement.step, StepId::new("deploy", step));
        assert_eq!(notes(&lab).await, Vec::<String>::new());
    }
    let lab = with_a_bad_disk(Manners::Ironic, STEP).await;
    lab.go(Verb::Provide, State::CleanFailed).await;
    assert_eq!(kept(&lab).await, []);
}

/// The commit that ends the step is one of these.
async fn none_is_lost_or_doubled(death: Death, end: State) {
    for k in 0.. {
        let mut lab = match end {
            State::CleanFailed => with_a_bad_disk(Manners::Ferric, STEP).await,
            _ => manageable(Manners::Ferric, json!({"/dev/sda": good("/dev/sda")})).await,
        };
        lab.kill();
        let died = die_at(&mut lab, Verb::Provide, (k, death), |node| {
            node.provision_state == end
        })
        .await;
        assert_eq!(
            devices(&verified(&lab).await),
            ["/dev/sda"],
            "{death:?} commit {k}"
        );
        if !died {
            assert!(k > 8, "cleaning has more commits than {k}");
            return;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn none_is_lost_or_doubled_by_the_loss_of_a_commit() {
    none_is_lost_or_doubled(Death::Before, State::Available).await;
}

#[tokio::test(start_paused = true)]
async fn none_of_a_failed_step_is_lost_or_doubled_by_the_loss_of_a_commit() {
    none_is_lost_or_doubled(Death::Before, State::CleanFailed).await;
}

#[tokio::test(start_paused = true)]
async fn none_of_a_failed_step_is_lost_or_doubled_by_death_after_a_commit() {
    none_is_lost_or_doubled(Death::After, State::CleanFailed).await;
}

#[tokio::test(start_paused = true)]
async fn none_is_lost_or_doubled_by_death_after_a_commit() {
    none_is_lost_or_doubled(Death::After, State::Available).await;
}

/// One that was signed before, by whomever.
fn old(number: u128, node: NodeId) -> SignedErasure {
    let signature = EnvelopeSignature {
        keyid: String::new(),
        sig: String::new(),
    };
    SignedErasure {
        uuid: ErasureId(Uuid::from_u128(number)),
        node_uuid: node,
        signed_at: Timestamp::UNIX_EPOCH,
        envelope: Envelope {
            payload_type: String::new(),
            payload: String::new(),
            signatures: vec![signature],
            public_key: String::new(),
        },
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_of_a_node_make_room_and_all_go_with_it() {
    let answer = json!({"/dev/sda": good("/dev/sda"), "/dev/sdb": good("/dev/sdb")});
    let lab = manageable(Manners::Ferric, answer).await;
    let (node, another) = (lab.machine.node, NodeId(Uuid::from_u128(77)));
    let before = (0..1023).map(|number| old(number, node));
    let full = before.chain([old(5000, another)]);
    let full = full.fold(Transaction::new(), |full, one| full.put(&one));
    lab.store.commit(full).await.unwrap();
    lab.go(Verb::Provide, State::Available).await;
    let ids: Vec<Uuid> = kept(&lab).await.iter().map(|one| one.uuid.0).collect();
    assert_eq!(ids.len(), 1024 + 1);
    assert_eq!(ids[0], Uuid::from_u128(1), "the oldest one is gone");
    assert_eq!(ids[1022], Uuid::from_u128(5000));
    lab.conductor().destroy_node(node).await.unwrap();
    let left = kept(&lab).await;
    assert_eq!(left, [old(5000, another)]);
}
