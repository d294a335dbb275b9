//! Whole cycles, as an operator sees them.

use super::agent::{Manners, Plan};
use super::lab::Lab;
use crate::conductor::requests::ProvisionRequest;
use ferric_drivers::{BootDevice, PowerState};
use ferric_model::event::What;
use ferric_model::node::NetworkBoot;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::{Key, Table};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn fake_hardware_goes_the_whole_way_without_a_machine() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll(&[]).await;
    lab.make_available().await;
    lab.go(Verb::Deploy, State::Active).await;
    lab.go(Verb::Undeploy, State::Available).await;
    let states = lab.states().await.join(", ");
    let expected = "verifying, manageable, cleaning, available, deploying, active, deleting, cleaning, available";
    assert_eq!(states, expected);
    assert!(lab.node().await.instance_info.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_inspected_deployed_and_cleaned() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab.go(Verb::Inspect, State::Manageable).await;
    let node = lab.node().await;
    assert_eq!(node.properties["cpu_arch"], json!("x86_64"));
    assert_eq!(
        (&node.properties["memory_mb"], &node.properties["local_gb"]),
        (&json!(2048), &json!(9))
    );
    assert!(
        lab.store
            .get(&Key::new(Table::Inventory, node.uuid))
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);

    lab.go(Verb::Provide, State::Available).await;
    assert_eq!(lab.machine.state.lock().erasures, 1);
    lab.go(Verb::Deploy, State::Active).await;
    let node = lab.node().await;
    assert_eq!(node.network_boot, NetworkBoot::LocalDisk);
    assert_eq!(
        (lab.machine.bmc.power(), lab.machine.bmc.boot().device),
        (PowerState::On, Some(BootDevice::Disk))
    );
    assert_eq!(lab.machine.state.lock().writes, 1);
    assert!(node.run.is_none() && node.agent.is_none() && node.last_error.is_none());

    lab.go(Verb::Undeploy, State::Available).await;
    assert_eq!(lab.machine.state.lock().erasures, 2);
    assert_eq!(lab.machine.bmc.power(), PowerState::Off);
}

#[tokio::test(start_paused = true)]
async fn the_image_is_described_as_agents_expect_it_and_progress_is_seen() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.make_available().await;
    let drive = json!("https://192.0.2.1/drive");
    let request = ProvisionRequest {
        configdrive: Some(drive.clone()),
        ..ProvisionRequest::new(Verb::Deploy)
    };
    lab.conductor()
        .provision(lab.machine.node, request)
        .await
        .unwrap();
    lab.wait_for(State::Active).await;
    let written = lab.machine.state.lock().written.clone();
    let info = &written["step"]["args"]["image_info"];
    assert_eq!(
        info["urls"],
        json!([format!(
            "http://192.0.2.1:6380/images/{}/os.raw",
            lab.machine.node
        )])
    );
    assert_eq!(
        (&info["id"], &info["os_hash_algo"]),
        (&json!("os.raw"), &json!("sha256"))
    );
    assert_eq!(written["step"]["args"]["configdrive"], drive);
    assert_eq!(written["node"]["instance_info"].get("configdrive"), None);
    assert_eq!(written["deploy_version"], json!({"generic": "1"}));
    let marks = lab
        .events()
        .await
        .into_iter()
        .filter(|what| matches!(what, What::Progress { .. }))
        .count();
    assert!((4..=6).contains(&marks), "{marks} marks in 30 s");
}

#[tokio::test(start_paused = true)]
async fn ironics_agent_is_steered_too() {
    let mut lab = Lab::new();
    lab.plan(Plan {
        manners: Manners::Ironic,
        ..Plan::default()
    });
    lab.start(None).await;
    lab.enroll_real().await;
    lab.make_available().await;
    lab.go(Verb::Deploy, State::Active).await;
    assert_eq!(lab.machine.state.lock().writes, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rebuild_keeps_the_config_drive_of_the_instance() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_real().await;
    lab.make_available().await;
    let drive = json!("https://192.0.2.1/drive");
    let request = ProvisionRequest {
        configdrive: Some(drive.clone()),
        ..ProvisionRequest::new(Verb::Deploy)
    };
    lab.conductor()
        .provision(lab.machine.node, request)
        .await
        .unwrap();
    lab.wait_for(State::Active).await;
    lab.go(Verb::Rebuild, State::Active).await;
    let state = lab.machine.state.lock();
    assert_eq!(
        (state.writes, &state.written["step"]["args"]["configdrive"]),
        (2, &drive)
    );
}
