//! Firmware updates: what is sent, whose task is taken over, and how long is waited.

use std::time::Duration;

use serde_json::{Value, json};

use super::fake_bmc::FakeBmc;
use super::machine;
use super::oddities::{Oddities, Reply};
use crate::{
    BmcError, Firmware, FirmwareComponent, FirmwareImage, Hardware, Progress, Restart, Started,
};

const ACTION: &str = "/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate";
const TASK: &str = "/redfish/v1/TaskService/Tasks/7";
const URL: &str = "https://images/bios-2.0.bin";

fn bmc_with(tasks: &Value) -> Oddities {
    Oddities {
        system: json!({"BiosVersion": "1.9", "Links": {"ManagedBy": [{"@odata.id": "/redfish/v1/Managers/BMC"}]}}),
        resources: vec![
            (
                "/redfish/v1/",
                json!({
                    "Systems": {"@odata.id": "/redfish/v1/Systems"},
                    "UpdateService": {"@odata.id": "/redfish/v1/UpdateService"},
                    "Tasks": {"@odata.id": "/redfish/v1/TaskService"},
                }),
            ),
            (
                "/redfish/v1/Managers/BMC",
                json!({"FirmwareVersion": "7.0"}),
            ),
            (
                "/redfish/v1/UpdateService",
                json!({"Actions": {"#UpdateService.SimpleUpdate": {
                    "target": ACTION,
                    "TransferProtocol@Redfish.AllowableValues": ["HTTP", "HTTPS"],
                }}}),
            ),
            (
                "/redfish/v1/TaskService",
                json!({"Tasks": {"@odata.id": "/redfish/v1/TaskService/Tasks"}}),
            ),
            (
                "/redfish/v1/TaskService/Tasks",
                json!({"Members": [{"@odata.id": TASK}]}),
            ),
            (TASK, tasks.clone()),
        ],
        effect: |resources, call| {
            if call.path != ACTION {
                return None;
            }
            let task = json!({"TaskState": "Starting", "Payload": {
                "TargetUri": ACTION,
                "JsonBody": call.body.to_string(),
            }});
            resources.insert(TASK.to_owned(), task);
            Some(Reply::accepted(TASK))
        },
        ..Oddities::default()
    }
}

fn firmware(hardware: &Hardware) -> &dyn Firmware {
    hardware.firmware.as_deref().unwrap()
}

fn image(component: &str, wait_s: u64) -> FirmwareImage {
    FirmwareImage {
        component: component.to_owned(),
        url: URL.to_owned(),
        wait: Duration::from_secs(wait_s),
    }
}

fn record(started: Started, expected: Restart) -> Value {
    match started {
        Started::Pending { record, restart } => {
            assert_eq!(restart, expected);
            record
        }
        Started::Done => panic!("the BMC goes on by itself"),
    }
}

fn sent(bmc: &FakeBmc) -> usize {
    bmc.count(&format!("POST {ACTION}"))
}

#[tokio::test]
async fn an_update_is_sent_once_and_its_task_waited_for() {
    let (bmc, hardware) = machine(bmc_with(&json!({"TaskState": "Completed"}))).await;
    let update = || firmware(&hardware).update(image("bios", 0));
    let first = record(update().await.unwrap(), Restart::Needed);
    let line = format!(r#"POST {ACTION} {{"ImageURI":"{URL}","TransferProtocol":"HTTPS"}}"#);
    assert!(bmc.log().contains(&line), "{:#?}", bmc.log());
    // The first one died before it could store the record.
    assert_eq!(record(update().await.unwrap(), Restart::Needed), first);
    assert_eq!(sent(&bmc), 1);
    let progress = firmware(&hardware).poll(&first).await.unwrap();
    assert_eq!(progress, Progress::Pending(first.clone()));
    bmc.change(TASK, &json!({"TaskState": "Completed"}));
    let progress = firmware(&hardware).poll(&first).await.unwrap();
    assert_eq!(progress, Progress::Done);
    record(update().await.unwrap(), Restart::Needed);
    assert_eq!(sent(&bmc), 2);
}

#[tokio::test]
async fn tasks_of_something_else_are_not_taken_over() {
    let others = [
        json!({"TaskState": "Running"}),
        json!({"TaskState": "Running", "Payload": {"TargetUri": ACTION, "JsonBody": "{\"ImageURI\":\"http://other\"}"}}),
        json!({"TaskState": "Running", "Payload": {"TargetUri": "/x", "JsonBody": format!("{{\"ImageURI\":\"{URL}\"}}")}}),
    ];
    for other in others {
        let (bmc, hardware) = machine(bmc_with(&other)).await;
        let started = firmware(&hardware).update(image("bmc", 0)).await.unwrap();
        record(started, Restart::NotNeeded);
        assert_eq!(sent(&bmc), 1, "{other}");
    }
}

#[tokio::test]
async fn after_an_image_the_time_that_was_asked_for_is_waited() {
    let (bmc, hardware) = machine(bmc_with(&json!({}))).await;
    let started = firmware(&hardware).update(image("bmc", 61)).await.unwrap();
    let mut record = record(started, Restart::NotNeeded);
    bmc.change(TASK, &json!({"TaskState": "Completed"}));
    let mut looks = 0;
    while let Progress::Pending(next) = firmware(&hardware).poll(&record).await.unwrap() {
        looks += 1;
        record = next;
    }
    assert_eq!(looks, 2);
}

#[tokio::test]
async fn an_update_that_fails_says_why() {
    let (bmc, hardware) = machine(bmc_with(&json!({}))).await;
    let started = firmware(&hardware).update(image("nic:1", 0)).await.unwrap();
    let record = record(started, Restart::Needed);
    bmc.change(
        TASK,
        &json!({"TaskState": "Exception", "Messages": [{"Message": "The image is not signed."}]}),
    );
    let progress = firmware(&hardware).poll(&record).await.unwrap();
    assert_eq!(
        progress,
        Progress::Failed("The image is not signed.".to_owned())
    );
    let error = firmware(&hardware)
        .update(image("psu", 0))
        .await
        .unwrap_err();
    assert!(matches!(error, BmcError::NotOffered { .. }), "{error}");
}

#[tokio::test]
async fn versions_are_read() {
    let (_bmc, hardware) = machine(bmc_with(&json!({}))).await;
    assert_eq!(shown(&hardware).await, ["bios 1.9", "bmc 7.0"]);
}

/// Component, version, and what else is told of it.
async fn shown(hardware: &Hardware) -> Vec<String> {
    let components = firmware(hardware).components().await.unwrap();
    let line = |one: &FirmwareComponent| {
        let told = [&one.vendor, &one.model, &one.serial_number];
        let told: Vec<_> = told.into_iter().flatten().map(String::as_str).collect();
        format!("{} {} {}", one.component, one.version, told.join("/"))
    };
    components
        .iter()
        .map(|one| line(one).trim_end().to_owned())
        .collect()
}

#[tokio::test]
async fn network_adapters_are_told_by_their_serial_numbers() {
    let adapter = |name: &str| format!("/redfish/v1/Chassis/1/NetworkAdapters/{name}");
    let members = ["A", "B", "C"].map(|name| json!({"@odata.id": adapter(name)}));
    let mut oddities = bmc_with(&json!({}));
    oddities.system["Links"]["Chassis"] = json!([{"@odata.id": "/redfish/v1/Chassis/1"}]);
    oddities.resources.extend([
        (
            "/redfish/v1/Managers/BMC",
            json!({"FirmwareVersion": "7.0", "Model": "M9"}),
        ),
        (
            "/redfish/v1/Chassis/1",
            json!({"NetworkAdapters": {"@odata.id": "/redfish/v1/Chassis/1/NetworkAdapters"}}),
        ),
        (
            "/redfish/v1/Chassis/1/NetworkAdapters",
            json!({"Members": members}),
        ),
        (
            "/redfish/v1/Chassis/1/NetworkAdapters/A",
            json!({"Id": "A", "Manufacturer": "V", "Model": "X7", "SerialNumber": "S1",
                "Controllers": [{}, {"FirmwarePackageVersion": "22.1"}]}),
        ),
        (
            "/redfish/v1/Chassis/1/NetworkAdapters/B",
            json!({"Id": "B", "SerialNumber": "", "Controllers": [{"FirmwarePackageVersion": "3"}]}),
        ),
        (
            "/redfish/v1/Chassis/1/NetworkAdapters/C",
            json!({"Id": "C", "Controllers": [{"FirmwarePackageVersion": null}]}),
        ),
    ]);
    let (bmc, hardware) = machine(oddities).await;
    let expected = ["bios 1.9", "bmc 7.0 M9", "nic:S1 22.1 V/X7/S1", "nic:B 3"];
    assert_eq!(shown(&hardware).await, expected);
    // Some BMCs refuse while the machine is off.
    let nothing = json!({"NetworkAdapters": {"@odata.id": "/redfish/v1/gone"}});
    bmc.change("/redfish/v1/Chassis/1", &nothing);
    assert_eq!(shown(&hardware).await, expected[..2]);
}
