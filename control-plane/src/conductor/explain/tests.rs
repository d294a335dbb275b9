//! Every state with everything that can be waited for in it says something useful: all the words, in one snapshot.

use super::*;
use crate::conductor::messages::BOOT_REQUESTED_AT;
use ferric_model::event::What;
use ferric_model::ids::{Epoch, Incarnation, RunId};
use ferric_model::node::agent_session::{AgentSession, NextBoot};
use ferric_model::node::{Ownership, Reservation};
use ferric_model::run::{Wait, WaitReason};
use ferric_model::step::StepId;
use serde_json::json;
use std::fmt::Write;
use uuid::Uuid;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn node(state: ProvisionState) -> Node {
    let mut node = Node::new(NodeId(Uuid::nil()), "redfish", at(0));
    node.name = Some("rack1-7".to_owned());
    node.provision_state = state;
    node.target_provision_state = state.default_target();
    node.provision_updated_at = Some(at(0));
    node.ownership = Some(Ownership {
        conductor: "one".to_owned(),
        incarnation: Incarnation(Uuid::nil()),
        epoch: Epoch::default(),
    });
    node
}

fn step() -> StepId {
    StepId::new("deploy", "write_image")
}

/// With a run at its second step of two.
fn running(state: ProvisionState) -> Node {
    let mut node = node(state);
    let step = |interface, name, by| {
        json!({"interface": interface, "step": name, "priority": 0, "args": {}, "by": by, "abortable": true,
               "recovery": "run_again"})
    };
    let run = json!({
        "id": Uuid::nil(), "activity": activity(state), "goal": node.target_provision_state,
        "started_at": at(-60), "steps": [step("boot", "ramdisk", "conductor"), step("deploy", "write_image", "agent")],
        "index": 1, "phase": {"started": {"attempt": 1, "at": at(-30)}}, "wait": null, "agent_steps_known": true,
        "agent_step_version": null, "notes": {},
    });
    let run: Run = serde_json::from_value(run).unwrap();
    assert_eq!(run.id, RunId(Uuid::nil()));
    node.reservation = Some(Reservation {
        conductor: "one".to_owned(),
        purpose: crate::conductor::flows::purpose(run.activity).to_owned(),
        since: at(-60),
    });
    node.run = Some(run);
    node
}

fn activity(state: ProvisionState) -> Activity {
    use ProvisionState as S;
    match state {
        S::Verifying => Activity::Verify,
        S::Cleaning | S::CleanWait | S::CleanHold => Activity::Clean,
        S::Deleting => Activity::Delete,
        S::Inspecting | S::InspectWait => Activity::Inspect,
        S::Adopting => Activity::Adopt,
        S::Rescuing | S::RescueWait => Activity::Rescue,
        S::Unrescuing => Activity::Unrescue,
        S::Servicing | S::ServiceWait | S::ServiceHold => Activity::Service,
        _ => Activity::Deploy,
    }
}

fn reasons(state: ProvisionState) -> Vec<WaitReason> {
    if state.is_hold() {
        return vec![WaitReason::Hold];
    }
    if state == ProvisionState::InspectWait {
        return vec![WaitReason::InspectionData, WaitReason::AgentReboot];
    }
    let (id, step, job) = ("7".to_owned(), step(), "looking after RAID".to_owned());
    vec![
        WaitReason::AgentBoot,
        WaitReason::AgentReboot,
        WaitReason::AgentCommand {
            id,
            step: step.clone(),
        },
        WaitReason::Hardware { job, step },
    ]
}

fn waiting(state: ProvisionState, reason: WaitReason) -> Node {
    let mut node = running(state);
    node.reservation = None;
    if let Some(run) = &mut node.run {
        run.wait = Some(Wait {
            deadline: (reason != WaitReason::Hold).then(|| at(1800)),
            since: at(0),
            reason,
        });
    }
    node
}

fn failed(state: ProvisionState) -> Node {
    let mut node = node(state);
    let error =
        "It failed in deploy.write_image: no disk matches the root device hints (size > 5 GiB)";
    node.last_error = Some(error.to_owned());
    node
}

fn each(state: ProvisionState) -> Vec<Node> {
    if state.is_wait() || state.is_hold() {
        let reasons = reasons(state).into_iter();
        return reasons.map(|reason| waiting(state, reason)).collect();
    }
    if state.is_running() {
        return vec![running(state)];
    }
    if state.is_stable() && state != ProvisionState::Error {
        return vec![node(state)];
    }
    vec![failed(state)]
}

fn explained(node: &Node) -> Explanation {
    explained_with(node, Owner::Alive, &[])
}

fn explained_with(node: &Node, owner: Owner, failures: &[TimelineEvent]) -> Explanation {
    explain(&Situation {
        node,
        locked: &Locked::No,
        owner,
        failures,
        rules: &config::Conductor::default(),
        queued: None,
        heartbeat_timeout_s: 200,
        now: at(300),
    })
}

#[test]
fn every_state_in_words() {
    let mut words = String::new();
    for state in ProvisionState::ALL {
        for node in each(*state) {
            let explanation = explained(&node);
            let wait = explanation.waits_for.as_ref().map_or("", |wait| wait.kind);
            writeln!(words, "{state} {wait}\n    {}", explanation.text).unwrap();
            for next in &explanation.next {
                writeln!(words, "    - {}", next.text).unwrap();
            }
        }
    }
    insta::assert_snapshot!(words);
}

/// What is offered is what the state machine allows, and nobody is left without anything to do.
#[test]
fn what_may_be_done_is_what_the_table_says() {
    for state in ProvisionState::ALL {
        for node in each(*state) {
            let next = explained(&node).next;
            assert!(!next.is_empty(), "{state}");
            let mut offered: Vec<_> = next.iter().filter_map(|next| next.target).collect();
            offered.sort_unstable();
            let verbs = ferric_model::verb::Verb::ALL.iter();
            let allowed = verbs.filter(|verb| verb.on(*state).is_ok());
            let mut allowed: Vec<_> = allowed.map(|verb| verb.name()).collect();
            allowed.retain(|name| !["deploy", "undeploy"].contains(name));
            allowed.sort_unstable();
            assert_eq!(offered, allowed, "{state}");
        }
    }
}

#[test]
fn how_far_a_boot_has_got() {
    let mut node = waiting(ProvisionState::DeployWait, WaitReason::AgentBoot);
    let says = |node: &Node| explained(node).waits_for.unwrap().text;
    assert!(says(&node).contains("has not asked for its boot script"));
    let noted = |node: &mut Node, at: Timestamp| {
        let run = node.run.as_mut().unwrap();
        run.notes.insert(BOOT_REQUESTED_AT.to_owned(), json!(at));
    };
    noted(&mut node, at(-5));
    assert!(
        says(&node).contains("has not asked"),
        "that was an earlier boot"
    );
    noted(&mut node, at(20));
    assert!(says(&node).contains("asked for its boot script at 2027-01-15 08:00:20"));
    node.agent = Some(AgentSession {
        lookups: 1,
        ..AgentSession::default()
    });
    assert!(says(&node).contains("first heartbeat is yet to come"));
}

#[test]
fn a_transfer_and_the_agent_that_does_it() {
    let reason = WaitReason::AgentCommand {
        id: "7".to_owned(),
        step: step(),
    };
    let mut node = waiting(ProvisionState::DeployWait, reason);
    node.internal_info.insert(
        "ferric_progress".to_owned(),
        json!({"step": "deploy.write_image", "bytes_written": 100 << 20, "bytes_total": 300 << 20,
               "bytes_per_second": 20 << 20}),
    );
    node.agent = Some(AgentSession {
        last_heartbeat: Some(at(290)),
        ..AgentSession::default()
    });
    let wait = explained(&node).waits_for.unwrap();
    assert_eq!(
        wait.text,
        "It waits for the agent to finish deploy.write_image. It has written 100 of 300 MiB at 20 MiB/s, about 10 s \
         to go. The agent's last heartbeat came 10 s ago."
    );
    assert_eq!((wait.since, wait.until), (at(0), Some(at(1800))));
}

#[test]
fn an_agent_that_is_overdue_may_have_been_restarted() {
    let reason = WaitReason::AgentCommand {
        id: "7".to_owned(),
        step: step(),
    };
    let mut node = waiting(ProvisionState::DeployWait, reason);
    let mut says = |last_heartbeat: Timestamp, next_boot: Option<NextBoot>| {
        node.agent = Some(AgentSession {
            last_heartbeat: Some(last_heartbeat),
            next_boot,
            ..AgentSession::default()
        });
        explained(&node).waits_for.unwrap().text
    };
    assert!(!says(at(110), None).contains("overdue"));
    let silent = says(at(90), None);
    assert!(silent.contains("overdue") && silent.contains("cut in its power"));
    assert!(silent.contains("may run what is on its disk"), "{silent}");
    let comes_back = says(at(90), Some(NextBoot::Network));
    assert!(
        comes_back.contains("the step is taken up again"),
        "{comes_back}"
    );
}

#[test]
fn time_that_ran_out_and_time_that_stands_still() {
    let mut node = waiting(ProvisionState::CleanWait, WaitReason::AgentBoot);
    let otherwise = |node: &Node| explained(node).waits_for.unwrap().otherwise;
    node.run.as_mut().unwrap().wait.as_mut().unwrap().deadline = Some(at(299));
    assert!(otherwise(&node).contains("clean failed follows"));
    node.maintenance = true;
    assert!(otherwise(&node).contains("no time runs out"));
    assert!(
        explained(&node).next[0]
            .text
            .contains("End the maintenance")
    );
}

fn event(seconds: i64, what: What) -> TimelineEvent {
    TimelineEvent {
        id: Uuid::nil(),
        node: NodeId(Uuid::nil()),
        at: at(seconds),
        conductor: "one".to_owned(),
        run: None,
        bulk: None,
        what,
    }
}

#[test]
fn the_last_failure_has_its_step_its_time_and_a_remedy() {
    let node = failed(ProvisionState::DeployFailed);
    let sentence = node.last_error.clone();
    let (_, error) = sentence.as_deref().unwrap().split_once(": ").unwrap();
    let of = |step: StepId, error: &str| What::StepFailed {
        step,
        error: error.to_owned(),
    };
    let odd = || of(step(), "odd");
    let moved = What::StateChanged {
        from: ProvisionState::Deploying,
        to: ProvisionState::DeployFailed,
        target: None,
        error: sentence.clone(),
        cause: None,
        asked_by: None,
    };
    // An older failure, the one that counts, another one on the way to rest, the end of the run, and what came since.
    let mut events = vec![
        event(-9, odd()),
        event(-3, of(step(), error)),
        event(-2, of(StepId::new("power", "off"), error)),
        event(-1, moved),
    ];
    let last = |node: &Node, events: &[TimelineEvent]| {
        let explained = explained_with(node, Owner::Alive, events);
        explained.last_failure.unwrap()
    };
    for _ in 0..2 {
        let failure = last(&node, &events);
        assert_eq!(failure.step.as_deref(), Some("deploy.write_image"));
        assert_eq!(failure.at, Some(at(-3)));
        assert_eq!(Some(&failure.message), sentence.as_ref());
        assert!(failure.remedy.contains("root_device"));
        let error = "BMC h did not answer".to_owned();
        events.push(event(0, What::BmcError { error }));
    }
    let unknown = last(&node, &[]);
    assert_eq!((unknown.at, unknown.step), (None, None));

    let active = super::tests::node(ProvisionState::Active);
    let told = last(&active, &events[..4]);
    assert_eq!(Some(told.message), sentence, "the timeline's");
    assert_eq!(told.step.as_deref(), Some("deploy.write_image"));
    let told = last(&active, &[event(-9, odd())]);
    assert_eq!((told.at, told.message.as_str()), (Some(at(-9)), "odd"));
}

#[test]
fn what_stands_in_the_way_is_said() {
    let mut node = node(ProvisionState::Active);
    node.maintenance = true;
    node.maintenance_reason = Some("new fans".to_owned());
    node.fault = Some("power failure".to_owned());
    node.protected = true;
    node.retired = true;
    node.power_sync_failures = 2;
    let explanation = explained_with(&node, Owner::Gone, &[]);
    let kinds: Vec<_> = explanation
        .notices
        .iter()
        .map(|notice| notice.kind)
        .collect();
    let expected = [
        "maintenance",
        "fault",
        "protected",
        "retired",
        "bmc",
        "conductor",
    ];
    assert_eq!(kinds, expected);
    assert!(explanation.text.contains("maintenance (new fans)"));
    assert!(
        explanation
            .text
            .contains("Conductor one, which has the node, is gone")
    );
}

#[test]
fn the_lock_has_its_holder() {
    let text = |node: &Node| explained(node).lock.text;
    let held = text(&running(ProvisionState::Deploying));
    assert!(
        held.contains("Conductor one holds it for deploying since 2027"),
        "{held}"
    );
    let active = node(ProvisionState::Active);
    assert!(text(&active).starts_with("Nobody holds it"));
    for (locked, part) in [
        (
            Locked::For("a look".to_owned()),
            "one holds its lock at this moment, for a look.",
        ),
        (Locked::Unknown, "could not be asked"),
    ] {
        let explained = explain(&Situation {
            node: &active,
            locked: &locked,
            owner: Owner::Alive,
            failures: &[],
            rules: &config::Conductor::default(),
            queued: None,
            heartbeat_timeout_s: 200,
            now: at(300),
        });
        assert!(
            explained.lock.text.contains(part),
            "{}",
            explained.lock.text
        );
    }
}
