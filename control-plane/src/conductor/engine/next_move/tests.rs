//! What comes next for a node, case by case.

use super::*;
use crate::conductor::flows;
use ferric_model::ids::{NodeId, RunId};
use ferric_model::run::Activity;
use ferric_model::step::StepId;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

fn node() -> Node {
    let mut node = Node::new(NodeId(Uuid::nil()), "redfish", Timestamp::UNIX_EPOCH);
    node.interfaces
        .insert("deploy".to_owned(), "direct".to_owned());
    let steps = flows::steps(Activity::Deploy, &node);
    node.run = Some(flows::run(
        RunId(Uuid::nil()),
        Activity::Deploy,
        steps,
        Timestamp::UNIX_EPOCH,
    ));
    node
}

fn waiting(reason: WaitReason, news: Option<News>) -> Node {
    let mut node = node();
    let run = node.run.as_mut().unwrap();
    let deadline = Some(Timestamp::UNIX_EPOCH + Duration::from_secs(100));
    run.wait = Some(Wait {
        reason,
        since: Timestamp::UNIX_EPOCH,
        deadline,
    });
    run.news = news;
    node
}

fn with_agent(mut node: Node) -> Node {
    let url = Some("https://192.0.2.1:9999".to_owned());
    node.agent = Some(AgentSession {
        token_confirmed: true,
        url,
        ..AgentSession::default()
    });
    node
}

fn command() -> WaitReason {
    WaitReason::AgentCommand {
        id: "7".to_owned(),
        step: StepId::new("deploy", "write_image"),
    }
}

fn ended(id: &str) -> Option<News> {
    Some(News::CommandEnded {
        id: id.to_owned(),
        error: None,
        result: Some(json!(1)),
    })
}

fn hardware() -> WaitReason {
    WaitReason::Hardware {
        job: "watching RAID jobs".to_owned(),
        step: StepId::new("raid", "create_configuration"),
    }
}

fn hardware_ended(error: Option<String>) -> Option<News> {
    Some(News::HardwareEnded {
        job: "watching RAID jobs".to_owned(),
        error,
    })
}

/// By a conductor that has heard everything.
fn at(now: Timestamp) -> Watch {
    Watch {
        now,
        heard_for: SignedDuration::MAX,
        patience: SignedDuration::from_secs(30),
    }
}

fn check(node: &Node, expected: &Move) {
    let now = Timestamp::UNIX_EPOCH + Duration::from_secs(50);
    assert_eq!(&next_move(node, at(now)), expected);
}

#[test]
fn steps_are_started_recovered_and_finished() {
    check(
        &Node {
            run: None,
            ..node()
        },
        &Move::Rest,
    );
    check(&node(), &Move::Start);
    let mut node = node();
    node.run.as_mut().unwrap().phase = StepPhase::Started {
        attempt: 2,
        at: Timestamp::UNIX_EPOCH,
    };
    check(&node, &Move::Recover { attempt: 2 });
    node.run.as_mut().unwrap().index = 9;
    check(&node, &Move::Finish);
}

#[test]
fn a_step_of_the_agent_is_not_begun_before_an_agent_is_up() {
    let mut node = node();
    let run = node.run.as_mut().unwrap();
    run.index = run.steps.iter().position(Step::needs_agent).unwrap();
    check(&node, &Move::BringUp);
    check(&with_agent(node.clone()), &Move::Start);
    // Only after a start is it not known what has been done.
    let mut begun = node.clone();
    begun.run.as_mut().unwrap().phase = StepPhase::Started {
        attempt: 1,
        at: Timestamp::UNIX_EPOCH,
    };
    check(&begun, &Move::Recover { attempt: 1 });
    node.run.as_mut().unwrap().failure = Some("it failed".to_owned());
    check(&node, &Move::Start);
}

#[test]
fn a_wait_ends_with_what_it_waits_for() {
    check(&waiting(WaitReason::AgentBoot, None), &Move::Rest);
    check(
        &with_agent(waiting(WaitReason::AgentBoot, None)),
        &Move::EndWait,
    );
    check(
        &with_agent(waiting(WaitReason::AgentReboot, None)),
        &Move::TakeUp,
    );
    check(
        &waiting(WaitReason::InspectionData, Some(News::InspectionDone)),
        &Move::EndWait,
    );
    check(
        &with_agent(waiting(WaitReason::InspectionData, None)),
        &Move::FetchInventory,
    );
    let result = Some(json!(1));
    check(
        &with_agent(waiting(command(), ended("7"))),
        &Move::EndCommand {
            error: None,
            result,
        },
    );
    check(&with_agent(waiting(command(), ended("6"))), &Move::Rest);
    check(&waiting(command(), Some(News::Rebooted)), &Move::MeetReboot);
    check(&waiting(WaitReason::Hold, ended("7")), &Move::Rest);
    check(&waiting(hardware(), hardware_ended(None)), &Move::EndWait);
    let cause = "no such disk".to_owned();
    check(
        &waiting(hardware(), hardware_ended(Some(cause.clone()))),
        &Move::Fail(cause),
    );
    let other = Some(News::HardwareEnded {
        job: "another".to_owned(),
        error: None,
    });
    check(&waiting(hardware(), other), &Move::Rest);
}

#[test]
fn a_wait_that_cannot_end_well_fails_with_its_cause() {
    let late = Timestamp::UNIX_EPOCH + Duration::from_secs(100);
    let reasons = [
        WaitReason::AgentBoot,
        WaitReason::AgentReboot,
        WaitReason::InspectionData,
        command(),
        hardware(),
    ];
    for reason in reasons {
        let Move::Fail(error) = next_move(&waiting(reason, None), at(late)) else {
            panic!("no failure")
        };
        assert!(
            error.contains("timed out") && error.contains("100 s"),
            "{error}"
        );
    }
    let lost = next_move(
        &waiting(command(), Some(News::LostPower)),
        at(Timestamp::UNIX_EPOCH),
    );
    assert!(matches!(lost, Move::Fail(error) if error.contains("lost power")));
    let error = "no disks".to_owned();
    let news = News::InspectionFailed {
        error: error.clone(),
    };
    check(
        &waiting(WaitReason::InspectionData, Some(news)),
        &Move::Fail(error),
    );
}

#[test]
fn who_could_hear_nothing_listens_before_a_wait_is_over() {
    let (node, now) = (
        waiting(WaitReason::AgentBoot, None),
        Timestamp::UNIX_EPOCH + Duration::from_secs(5000),
    );
    for (heard_s, patience_s, is_over) in [
        (0, 30, false),
        (29, 30, false),
        (30, 30, true),
        // The wait is shorter than a machine may be silent.
        (99, 300, false),
        (100, 300, true),
    ] {
        let watch = Watch {
            now,
            heard_for: SignedDuration::from_secs(heard_s),
            patience: SignedDuration::from_secs(patience_s),
        };
        let next = next_move(&node, watch);
        assert_eq!(matches!(next, Move::Fail(_)), is_over, "{watch:?}");
    }
}

#[test]
fn a_node_in_maintenance_is_left_alone() {
    let node = Node {
        maintenance: true,
        ..with_agent(waiting(WaitReason::AgentBoot, None))
    };
    assert_eq!(next_move(&node, at(Timestamp::MAX)), Move::Rest);
}

#[test]
fn an_abort_that_had_to_wait_comes_after_the_step() {
    let mut node = node();
    node.run
        .as_mut()
        .unwrap()
        .notes
        .insert(ABORT_AFTER.to_owned(), json!(true));
    check(&node, &Move::Abort);
    node.run.as_mut().unwrap().failure = Some("aborted".to_owned());
    check(&node, &Move::Start);
}
