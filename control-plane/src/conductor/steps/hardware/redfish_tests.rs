//! A step that a Redfish BMC finishes, from the request to the look that ends it. In real time: there are sockets.

#[path = "../../../../../drivers/src/redfish/tests/fake_bmc.rs"]
#[expect(dead_code, reason = "the driver's own tests use the rest of it")]
mod fake_bmc;
#[path = "../../../../../drivers/src/redfish/tests/oddities.rs"]
#[expect(dead_code, reason = "the driver's own tests use the rest of it")]
mod oddities;

use super::tests::{put_run, step};
use crate::conductor::tests::lab::Lab;
use fake_bmc::FakeBmc;
use ferric_model::node::Node;
use ferric_model::run::WaitReason;
use ferric_model::state::ProvisionState as State;
use oddities::{Call, Oddities, Reply, Resources};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const PATIENCE: Duration = Duration::from_secs(120);
const SYSTEM: &str = "/redfish/v1/Systems/1";
const BIOS: &str = "/redfish/v1/Systems/1/Bios";
const SETTINGS: &str = "/redfish/v1/Systems/1/Bios/Settings";
const WATCH: &str = "watching BIOS settings of Redfish BMCs";

/// A machine that is switched on stays in its self-test until the test lets it go on.
fn starts_slowly(resources: &mut Resources, call: &Call<'_>) -> Option<Reply> {
    if call.method == "POST" && call.body["ResetType"] == "On" {
        let progress = json!({"LastState": "MemoryInitializationStarted"});
        resources.get_mut(SYSTEM)?["BootProgress"] = progress;
    }
    None
}

async fn bmc() -> FakeBmc {
    let bios = json!({
        "@odata.id": BIOS,
        "Attributes": {"Turbo": "Enabled", "Cores": 8},
        "@Redfish.Settings": {
            "SettingsObject": {"@odata.id": SETTINGS},
            "SupportedApplyTimes": ["OnReset"],
        },
    });
    let settings = json!({"@odata.id": SETTINGS, "Attributes": {}});
    FakeBmc::start(Oddities {
        system: json!({"Bios": {"@odata.id": BIOS}, "PowerState": "On"}),
        resources: vec![(BIOS, bios), (SETTINGS, settings)],
        effect: starts_slowly,
        ..Oddities::default()
    })
    .await
}

/// At the beginning of a manual clean that changes one setting. Nobody looks after it.
async fn cleaning(bmc: &FakeBmc) -> Lab {
    let mut lab = Lab::new();
    lab.configure(|settings| {
        let intervals = &mut settings.conductor.driver_job_intervals_s;
        intervals.insert(WATCH.to_owned(), 1);
    });
    lab.start(None).await;
    let conductor = lab.conductor();
    let mut node = Node::new(lab.machine.node, "redfish", conductor.now());
    let address = json!(bmc.url());
    node.driver_info
        .insert("redfish_address".to_owned(), address);
    conductor.create_node(node).await.unwrap();
    lab.kill();
    let args = json!({"settings": [{"name": "Turbo", "value": "Disabled"}]});
    let step = step("bios", "apply_configuration", &args);
    put_run(&lab, vec![step], |_| {}).await;
    lab
}

fn awaits_bmc(node: &Node) -> bool {
    let wait = node.run.as_ref().and_then(|run| run.wait.as_ref());
    wait.is_some_and(
        |wait| matches!(&wait.reason, WaitReason::Hardware { job, .. } if job == WATCH),
    )
}

#[tokio::test]
async fn bios_settings_are_waited_for_across_a_death() {
    let bmc = bmc().await;
    let mut lab = cleaning(&bmc).await;
    lab.start(None).await;
    lab.wait_until("the wait for the BMC", PATIENCE, awaits_bmc)
        .await;
    lab.kill();
    let (read, started) = (format!("GET {SYSTEM}"), Instant::now());
    let looks = bmc.count(&read);
    lab.start(None).await;
    while bmc.count(&read) < looks + 2 {
        assert!(started.elapsed() < PATIENCE, "nobody looks");
        sleep(Duration::from_millis(50)).await;
    }
    let node = lab.node().await;
    assert_eq!(node.provision_state, State::CleanWait);
    assert!(node.periodic_records.contains_key(WATCH));
    bmc.change(BIOS, &json!({"Attributes": {"Turbo": "Disabled"}}));
    bmc.change(SYSTEM, &json!({"BootProgress": {"LastState": "OSRunning"}}));
    lab.wait_for_within(State::Manageable, PATIENCE).await;
    let node = lab.node().await;
    assert_eq!((node.run, node.last_error), (None, None));
    assert!(node.periodic_records.is_empty());
    assert_eq!(bmc.count(&format!("PATCH {SETTINGS}")), 1);
    let changes = bmc.changes();
    let resets: Vec<&str> = changes
        .iter()
        .map(String::as_str)
        .filter(|body| body.contains("ResetType"))
        .collect();
    assert_eq!(
        resets,
        [r#"{"ResetType":"ForceOff"}"#, r#"{"ResetType":"On"}"#]
    );
}
