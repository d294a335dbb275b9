//! A machine that speaks while its node is held is answered, and not told to come back.

use super::agent::Plan;
use super::lab::Lab;
use super::machine;
use super::tokens::{beat, look_up};
use crate::conductor::requests::{InspectionRequest, TokenUse};
use ferric_agent_protocol::extensions::Extensions;
use ferric_agent_protocol::headers::HIDDEN_TOKEN;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Longer than any answer is waited for.
const LATE: Duration = Duration::from_secs(100);

/// An inspection whose BMC has restarted the machine and does not say so: the conductor holds the node and waits for it,
/// and the ramdisk, whose part a test plays, may be up at any moment.
async fn restarting() -> Lab {
    let mut lab = Lab::new();
    lab.plan(Plan {
        broken: true,
        ..Plan::default()
    });
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    // Restarted, and not switched off and on.
    lab.edit(|node| node.disable_power_off = true).await;
    lab.machine.bmc.set_answer_delay(LATE);
    lab.ask(Verb::Inspect).await;
    while lab.machine.bmc.boots().is_empty() {
        sleep(Duration::from_millis(100)).await;
    }
    lab
}

#[tokio::test(start_paused = true)]
async fn lookup_heartbeat_and_inspection_data_are_taken_while_a_bmc_is_late() {
    let lab = restarting().await;
    let (conductor, id, asked) = (lab.conductor(), lab.machine.node, Instant::now());
    let token = look_up(&lab).await;
    assert_ne!(token, HIDDEN_TOKEN);
    beat(&lab, &token).await.unwrap();
    let data = json!({"inventory": machine::inventory()});
    let request = InspectionRequest {
        node_uuid: None,
        data: data.as_object().cloned().unwrap(),
        extensions: Extensions::default(),
        token: TokenUse::Unknown,
        from: None,
    };
    let answer = conductor.continue_inspection(request).await.unwrap();
    assert_eq!(answer.node.uuid, id);
    beat(&lab, &token).await.unwrap();
    assert!(asked.elapsed() < LATE / 2, "{:?}", asked.elapsed());
    assert_eq!(conductor.locks().purpose(id), Some("inspecting"));
    assert!(lab.is_running("ramdisk").await);

    lab.wait_for(State::Manageable).await;
    let node = lab.node().await;
    assert_eq!(node.properties["cpu_arch"], json!("x86_64"));
    assert_eq!(node.last_error, None);
}
