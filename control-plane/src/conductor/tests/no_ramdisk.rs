//! Nodes whose deploy interface boots no ramdisk: what the BMC does is done without waiting for an agent.

use super::lab::Lab;
use super::steps::{ask, clean, done, step};
use crate::conductor::requests::{ProvisionRequest, Ramdisk, RequestError, RequestedStep};
use ferric_model::run::WaitReason;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// A node of fake interfaces throughout.
async fn manageable() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll(&[("network", "noop")]).await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab
}

fn update() -> RequestedStep {
    let image = json!({"component": "bmc", "url": "http://images/bmc.bin"});
    step("firmware", "update", json!({"settings": [image]}))
}

#[tokio::test(start_paused = true)]
async fn firmware_is_updated_at_once() {
    let lab = manageable().await;
    let began = Instant::now();
    let delete = step("raid", "delete_configuration", json!({}));
    ask(&lab, clean(vec![update(), delete])).await.unwrap();
    lab.wait_for(State::Manageable).await;
    assert!(began.elapsed() < Duration::from_secs(60));
    let expected = [
        "power.get",
        "firmware.update",
        "raid.delete_configuration",
        "raid.read_configuration",
    ];
    assert_eq!(done(&lab).await, expected);
    let node = lab.node().await;
    assert_eq!((node.last_error, node.run), (None, None));
    assert!(!lab.states().await.contains(&"clean wait"));
    assert!(lab.machine.bmc.boots().is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_the_bmc_is_waited_for() {
    let lab = manageable().await;
    lab.machine.bmc.set_task_duration(Duration::from_secs(30));
    ask(&lab, clean(vec![update()])).await.unwrap();
    lab.wait_until("the wait", Duration::from_secs(60), |node| {
        let wait = node.run.as_ref().and_then(|run| run.wait.as_ref());
        wait.is_some_and(|wait| matches!(wait.reason, WaitReason::Hardware { .. }))
    })
    .await;
    lab.wait_for(State::Manageable).await;
    assert_eq!(lab.node().await.last_error, None);
}

#[tokio::test(start_paused = true)]
async fn a_ramdisk_that_is_ruled_out_is_not_missed_and_agents_are() {
    let lab = manageable().await;
    let without = ProvisionRequest {
        ramdisk: Ramdisk::Disable,
        ..clean(vec![update()])
    };
    ask(&lab, without).await.unwrap();
    lab.wait_for(State::Manageable).await;
    assert_eq!(done(&lab).await, ["power.get", "firmware.update"]);
    let erase = step("deploy", "erase_devices", json!({}));
    match ask(&lab, clean(vec![update(), erase])).await {
        Err(RequestError::Invalid(text)) => {
            assert!(text.contains("deploy.erase_devices"), "{text}");
            assert!(text.contains("firmware.update"), "{text}");
        }
        other => panic!("a refusal was expected, not {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn deploys_and_services_wait_for_none_either() {
    let lab = manageable().await;
    lab.go(Verb::Provide, State::Available).await;
    let deploy = ProvisionRequest {
        steps: vec![RequestedStep {
            priority: Some(50),
            ..update()
        }],
        ..ProvisionRequest::new(Verb::Active)
    };
    ask(&lab, deploy).await.unwrap();
    lab.wait_for(State::Active).await;
    let delete = step("raid", "delete_configuration", json!({}));
    let service = ProvisionRequest {
        steps: vec![update(), delete],
        ..ProvisionRequest::new(Verb::Service)
    };
    ask(&lab, service).await.unwrap();
    lab.wait_for(State::Active).await;
    let all = done(&lab).await;
    let last = &all[all.len() - 5..];
    let expected = [
        "deploy.deploy",
        "firmware.update",
        "firmware.update",
        "raid.delete_configuration",
        "raid.read_configuration",
    ];
    assert_eq!(last, expected);
    let states = lab.states().await;
    assert!(!states.contains(&"deploy wait"), "{states:?}");
    assert!(!states.contains(&"service wait"), "{states:?}");
    assert_eq!(lab.node().await.last_error, None);
}
