//! A step that a Redfish BMC finishes, from the request to the look that ends it. In real time: there are sockets.

#[path = "../../../../../drivers/src/redfish/tests/fake_bmc.rs"]
#[expect(dead_code, reason = "the driver's own tests use the rest of it")]
mod fake_bmc;
#[path = "../../../../../drivers/src/redfish/tests/oddities.rs"]
#[expect(dead_code, reason = "the driver's own tests use the rest of it")]
mod oddities;
#[path = "../../../../../drivers/src/redfish/tests/resources.rs"]
mod resources;

use super::tests::{put_run, step};
use crate::conductor::tests::lab::Lab;
use fake_bmc::FakeBmc;
use ferric_model::node::Node;
use ferric_model::run::WaitReason;
use ferric_model::state::ProvisionState as State;
use ferric_model::step::Step;
use oddities::{Call, Oddities, Reply, Resources};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const PATIENCE: Duration = Duration::from_secs(120);
const SYSTEM: &str = "/redfish/v1/Systems/1";
const BIOS: &str = "/redfish/v1/Systems/1/Bios";
const SETTINGS: &str = "/redfish/v1/Systems/1/Bios/Settings";
const WATCH: &str = "watching BIOS settings of Redfish BMCs";
const RAID_WATCH: &str = "watching RAID tasks of Redfish BMCs";
const FIRMWARE_WATCH: &str = "watching firmware updates of Redfish BMCs";
const STORAGES: &str = "/redfish/v1/Systems/1/Storage";
const STORAGE: &str = "/redfish/v1/Systems/1/Storage/RAID.1";
const VOLUMES: &str = "/redfish/v1/Systems/1/Storage/RAID.1/Volumes";
const OLD_VOLUME: &str = "/redfish/v1/Systems/1/Storage/RAID.1/Volumes/old";
const NEW_VOLUME: &str = "/redfish/v1/Systems/1/Storage/RAID.1/Volumes/new";
const DRIVE_A: &str = "/redfish/v1/Systems/1/Storage/RAID.1/Drives/a";
const DRIVE_B: &str = "/redfish/v1/Systems/1/Storage/RAID.1/Drives/b";
const UPDATE_SERVICE: &str = "/redfish/v1/UpdateService";
const UPDATE: &str = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate";
/// What deletes, and what makes or updates.
const TASKS: [&str; 2] = [
    "/redfish/v1/TaskService/Tasks/1",
    "/redfish/v1/TaskService/Tasks/2",
];

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

/// At the beginning of a manual clean with one step. Nobody looks after it.
async fn cleaning(bmc: &FakeBmc, step: Step, edit: impl FnOnce(&mut Node)) -> Lab {
    let mut lab = Lab::new();
    lab.configure(|settings| {
        let intervals = &mut settings.conductor.driver_job_intervals_s;
        for watch in [WATCH, RAID_WATCH, FIRMWARE_WATCH] {
            intervals.insert(watch.to_owned(), 1);
        }
    });
    lab.start(None).await;
    let conductor = lab.conductor();
    let mut node = Node::new(lab.machine.node, "redfish", conductor.now());
    let address = json!(bmc.url());
    node.driver_info
        .insert("redfish_address".to_owned(), address);
    conductor.create_node(node).await.unwrap();
    lab.kill();
    put_run(&lab, vec![step], edit).await;
    lab
}

fn awaits_bmc(node: &Node, watch: &str) -> bool {
    let wait = node.run.as_ref().and_then(|run| run.wait.as_ref());
    wait.is_some_and(
        |wait| matches!(&wait.reason, WaitReason::Hardware { job, .. } if job == watch),
    )
}

/// The conductor dies while this task of the BMC is waited for, and the next one goes on with the wait.
async fn dies_waiting_for(lab: &mut Lab, bmc: &FakeBmc, watch: &str, task: &str) {
    let is_waited_for = |node: &Node| {
        let record = node.periodic_records.get(watch);
        awaits_bmc(node, watch) && record.is_some_and(|record| record.to_string().contains(task))
    };
    lab.wait_until("the wait for the task", PATIENCE, is_waited_for)
        .await;
    lab.kill();
    let (read, started) = (format!("GET {task}"), Instant::now());
    let looks = bmc.count(&read);
    lab.start(None).await;
    while bmc.count(&read) < looks + 2 {
        assert!(started.elapsed() < PATIENCE, "nobody looks at {task}");
        sleep(Duration::from_millis(50)).await;
    }
    let node = lab.node().await;
    assert_eq!(node.provision_state, State::CleanWait, "{task}");
}

/// What the machine was told about its power, in order.
fn resets(bmc: &FakeBmc) -> Vec<String> {
    let changes = bmc.changes().into_iter();
    changes.filter(|body| body.contains("ResetType")).collect()
}

const OFF_AND_ON: [&str; 2] = [r#"{"ResetType":"ForceOff"}"#, r#"{"ResetType":"On"}"#];

fn is_running(resources: &mut Resources, task: &str) -> Option<Reply> {
    resources.insert(task.to_owned(), json!({"TaskState": "Running"}));
    Some(Reply::accepted(task))
}

fn ends(bmc: &FakeBmc, task: &str) {
    let end = json!({"TaskState": "Completed", "TaskStatus": "OK"});
    bmc.change(task, &end);
}

#[tokio::test]
async fn bios_settings_are_waited_for_across_a_death() {
    let bmc = bmc().await;
    let args = json!({"settings": [{"name": "Turbo", "value": "Disabled"}]});
    let step = step("bios", "apply_configuration", &args);
    let mut lab = cleaning(&bmc, step, |_| {}).await;
    lab.start(None).await;
    let is_waited_for = |node: &Node| awaits_bmc(node, WATCH);
    lab.wait_until("the wait for the BMC", PATIENCE, is_waited_for)
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
    assert_eq!(resets(&bmc), OFF_AND_ON);
}

/// Deletes and makes volumes when the machine starts, by itself; which there are is said by the test.
fn acts_on_reset(resources: &mut Resources, call: &Call<'_>) -> Option<Reply> {
    match (call.method, call.path) {
        ("DELETE", OLD_VOLUME) => is_running(resources, TASKS[0]),
        ("POST", VOLUMES) => is_running(resources, TASKS[1]),
        _ => None,
    }
}

async fn raid_bmc() -> FakeBmc {
    let links = json!([{"@odata.id": DRIVE_A}, {"@odata.id": DRIVE_B}]);
    let volume = |name: &str| json!({"Id": name, "Name": name, "RAIDType": "RAID1", "CapacityBytes": 50_u64 << 30, "Links": {"Drives": links}});
    let drive = json!({"CapacityBytes": 100_u64 << 30, "MediaType": "SSD", "Protocol": "SAS"});
    let storage = json!({"Id": "RAID.1", "Drives": links, "Volumes": {"@odata.id": VOLUMES}});
    let volumes = json!({
        "Members": [{"@odata.id": OLD_VOLUME}],
        "@Redfish.OperationApplyTimeSupport": {"SupportedValues": ["OnReset"]},
    });
    FakeBmc::start(Oddities {
        system: json!({"Storage": {"@odata.id": STORAGES}, "PowerState": "On"}),
        resources: vec![
            (STORAGES, json!({"Members": [{"@odata.id": STORAGE}]})),
            (STORAGE, storage),
            (VOLUMES, volumes),
            (OLD_VOLUME, volume("old")),
            (NEW_VOLUME, volume("new")),
            (DRIVE_A, drive.clone()),
            (DRIVE_B, drive),
        ],
        effect: acts_on_reset,
        ..Oddities::default()
    })
    .await
}

#[tokio::test]
async fn volumes_are_deleted_and_made_at_restarts_across_two_deaths() {
    let bmc = raid_bmc().await;
    let args = json!({"delete_existing": true});
    let step = step("raid", "create_configuration", &args);
    let wanted =
        json!({"logical_disks": [{"size_gb": 50, "raid_level": "1", "volume_name": "new"}]});
    let mut lab = cleaning(&bmc, step, |node| {
        node.target_raid_config = wanted.as_object().unwrap().clone();
    })
    .await;
    lab.start(None).await;
    dies_waiting_for(&mut lab, &bmc, RAID_WATCH, TASKS[0]).await;
    assert_eq!(resets(&bmc), OFF_AND_ON, "it deletes at a start");
    bmc.change(VOLUMES, &json!({"Members": []}));
    ends(&bmc, TASKS[0]);
    dies_waiting_for(&mut lab, &bmc, RAID_WATCH, TASKS[1]).await;
    bmc.change(VOLUMES, &json!({"Members": [{"@odata.id": NEW_VOLUME}]}));
    ends(&bmc, TASKS[1]);
    lab.wait_for_within(State::Manageable, PATIENCE).await;
    let node = lab.node().await;
    assert_eq!((node.run, node.last_error), (None, None));
    assert!(node.periodic_records.is_empty());
    let made = json!([
        {"id": "new", "name": "new", "controller": "RAID.1", "size_gb": 50, "raid_level": "1"},
    ]);
    assert_eq!(node.raid_config["logical_disks"], made);
    let posted = bmc.count(&format!("POST {VOLUMES} "));
    assert_eq!((bmc.count("DELETE"), posted), (1, 1));
    assert_eq!(resets(&bmc), [OFF_AND_ON, OFF_AND_ON].concat());
}

fn updates(resources: &mut Resources, call: &Call<'_>) -> Option<Reply> {
    match (call.method, call.path) {
        ("POST", UPDATE) => is_running(resources, TASKS[1]),
        _ => None,
    }
}

async fn updating_bmc() -> FakeBmc {
    let root = json!({
        "Systems": {"@odata.id": "/redfish/v1/Systems"},
        "UpdateService": {"@odata.id": UPDATE_SERVICE},
    });
    let actions = json!({"#UpdateService.SimpleUpdate": {"target": UPDATE}});
    FakeBmc::start(Oddities {
        system: json!({"BiosVersion": "1.9", "PowerState": "On"}),
        resources: vec![
            ("/redfish/v1/", root),
            (UPDATE_SERVICE, json!({"Actions": actions})),
        ],
        effect: updates,
        ..Oddities::default()
    })
    .await
}

fn update_of_bios() -> Step {
    let image = json!({"component": "bios", "url": "https://images/bios-2.0.bin"});
    step("firmware", "update", &json!({"settings": [image]}))
}

#[tokio::test]
async fn a_firmware_update_is_waited_for_across_a_death() {
    let bmc = updating_bmc().await;
    let mut lab = cleaning(&bmc, update_of_bios(), |_| {}).await;
    lab.start(None).await;
    dies_waiting_for(&mut lab, &bmc, FIRMWARE_WATCH, TASKS[1]).await;
    ends(&bmc, TASKS[1]);
    lab.wait_for_within(State::Manageable, PATIENCE).await;
    let node = lab.node().await;
    assert_eq!((node.run, node.last_error), (None, None));
    assert!(node.periodic_records.is_empty());
    assert_eq!(bmc.count(&format!("POST {UPDATE} ")), 1);
    assert_eq!(resets(&bmc), OFF_AND_ON);
}

#[tokio::test]
async fn a_firmware_update_that_fails_fails_its_step_in_the_bmcs_words() {
    let bmc = updating_bmc().await;
    let mut lab = cleaning(&bmc, update_of_bios(), |_| {}).await;
    lab.start(None).await;
    dies_waiting_for(&mut lab, &bmc, FIRMWARE_WATCH, TASKS[1]).await;
    let end =
        json!({"TaskState": "Exception", "Messages": [{"Message": "The image is not signed."}]});
    bmc.change(TASKS[1], &end);
    lab.wait_for_within(State::CleanFailed, PATIENCE).await;
    let error = lab.node().await.last_error.unwrap();
    assert!(error.contains("firmware.update"), "{error}");
    assert!(error.contains("The image is not signed."), "{error}");
    assert!(lab.node().await.periodic_records.is_empty());
}
