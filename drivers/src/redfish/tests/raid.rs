//! RAID volumes: made once, deleted whole, and read back when their tasks have ended.

use serde_json::{Value, json};

use super::fake_bmc::FakeBmc;
use super::machine;
use super::oddities::{Call, Oddities, Reply, Resources};
use crate::{
    BmcError, Hardware, LogicalDisk, PowerAction, Progress, Raid, RaidConfig, Restart, Started,
};

const STORAGE: &str = "/redfish/v1/Systems/1/Storage/RAID.1";
const VOLUMES: &str = "/redfish/v1/Systems/1/Storage/RAID.1/Volumes";
const TASK: &str = "/redfish/v1/TaskService/Tasks/1";

/// A volume that was asked for stands there, and its disks are taken.
fn add(resources: &mut Resources, asked: &Value) {
    let volumes = resources.get_mut(VOLUMES).unwrap();
    let members = volumes["Members"].as_array_mut().unwrap();
    let path = format!("{VOLUMES}/{}", members.len() + 1);
    members.push(json!({"@odata.id": path}));
    let id = path.rsplit('/').next().unwrap().to_owned();
    let volume = json!({
        "Id": id,
        "Name": asked["Name"],
        "RAIDType": asked["RAIDType"],
        "CapacityBytes": asked["CapacityBytes"],
        "Links": asked["Links"],
    });
    resources.insert(path, volume);
}

fn remove(resources: &mut Resources, path: &str) {
    resources.remove(path);
    let volumes = resources.get_mut(VOLUMES).unwrap();
    let members = volumes["Members"].as_array_mut().unwrap();
    members.retain(|member| member["@odata.id"] != path);
}

/// A BMC that does it at once.
fn at_once(resources: &mut Resources, call: &Call<'_>) -> Option<Reply> {
    match call.method {
        "POST" if call.path == VOLUMES => {
            add(resources, call.body);
            Some(Reply::new(201))
        }
        "DELETE" => {
            remove(resources, call.path);
            Some(Reply::new(204))
        }
        _ => None,
    }
}

/// A BMC that goes on by itself: the volume stands there once its task says so.
fn by_task(resources: &mut Resources, call: &Call<'_>) -> Option<Reply> {
    at_once(resources, call)?;
    resources.insert(TASK.to_owned(), json!({"TaskState": "Running"}));
    Some(Reply::accepted(&format!("https://elsewhere{TASK}")))
}

fn bmc_with(effect: fn(&mut Resources, &Call<'_>) -> Option<Reply>, times: &[&str]) -> Oddities {
    let drive = |name: &str| format!("{STORAGE}/Drives/{name}");
    let links: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .map(|name| json!({"@odata.id": drive(name)}))
        .collect();
    let mut resources = vec![
        (
            "/redfish/v1/Systems/1/Storage",
            json!({"Members": [{"@odata.id": STORAGE}]}),
        ),
        (
            STORAGE,
            json!({"Id": "RAID.1", "Name": "PERC", "Drives": links, "Volumes": {"@odata.id": VOLUMES}}),
        ),
        (
            VOLUMES,
            json!({
                "Members": [],
                "@Redfish.OperationApplyTimeSupport": {"SupportedValues": times},
            }),
        ),
    ];
    let paths = [
        "/redfish/v1/Systems/1/Storage/RAID.1/Drives/a",
        "/redfish/v1/Systems/1/Storage/RAID.1/Drives/b",
        "/redfish/v1/Systems/1/Storage/RAID.1/Drives/c",
        "/redfish/v1/Systems/1/Storage/RAID.1/Drives/d",
    ];
    for path in paths {
        let body = json!({"Id": path.rsplit('/').next(), "CapacityBytes": 100_u64 << 30, "MediaType": "SSD", "Protocol": "SAS"});
        resources.push((path, body));
    }
    Oddities {
        system: json!({"Storage": {"@odata.id": "/redfish/v1/Systems/1/Storage"}}),
        resources,
        effect,
        ..Oddities::default()
    }
}

fn raid(hardware: &Hardware) -> &dyn Raid {
    hardware.raid.as_deref().unwrap()
}

fn mirror(name: &str) -> Vec<LogicalDisk> {
    let config =
        json!({"logical_disks": [{"size_gb": 50, "raid_level": "1", "volume_name": name}]});
    RaidConfig::parse(&config).unwrap().logical_disks
}

fn posted(bmc: &FakeBmc) -> Vec<Value> {
    let start = format!("POST {VOLUMES} ");
    let log = bmc.log();
    let bodies = log.iter().filter_map(|line| line.strip_prefix(&start));
    bodies
        .map(|body| serde_json::from_str(body).unwrap())
        .collect()
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

#[tokio::test]
async fn volumes_are_made_once_and_deleted_whole() {
    let (bmc, hardware) = machine(bmc_with(at_once, &[])).await;
    let create = |name| raid(&hardware).create(mirror(name));
    assert_eq!(create("os").await.unwrap(), Started::Done);
    assert_eq!(create("os").await.unwrap(), Started::Done);
    assert_eq!(create("data").await.unwrap(), Started::Done);
    let posted = posted(&bmc);
    assert_eq!(posted.len(), 2);
    assert_eq!(
        posted[0],
        json!({"Name": "os", "RAIDType": "RAID1", "CapacityBytes": 50_u64 << 30, "Links": {"Drives": [
            {"@odata.id": format!("{STORAGE}/Drives/a")}, {"@odata.id": format!("{STORAGE}/Drives/b")},
        ]}})
    );
    assert_eq!(
        posted[1]["Links"]["Drives"][0]["@odata.id"],
        format!("{STORAGE}/Drives/c")
    );
    let shown = raid(&hardware).logical_disks().await.unwrap();
    assert_eq!(
        shown[0],
        json!({"id": "1", "name": "os", "controller": "RAID.1", "size_gb": 50, "raid_level": "1"})
    );
    assert_eq!(raid(&hardware).delete_all().await.unwrap(), Started::Done);
    assert_eq!(bmc.count("DELETE"), 2);
    assert_eq!(raid(&hardware).delete_all().await.unwrap(), Started::Done);
    assert_eq!(bmc.count("DELETE"), 2);
}

#[tokio::test]
async fn a_task_is_asked_until_it_has_ended_and_the_volume_stands_there() {
    let (bmc, hardware) = machine(bmc_with(by_task, &["Immediate"])).await;
    let started = raid(&hardware).create(mirror("os")).await.unwrap();
    let record = record(started, Restart::NotNeeded);
    assert_eq!(posted(&bmc)[0]["@Redfish.OperationApplyTime"], "Immediate");
    let poll = || raid(&hardware).poll(&record);
    assert_eq!(poll().await.unwrap(), Progress::Pending(record.clone()));
    bmc.change(TASK, &json!({"TaskState": "Completed", "TaskStatus": "OK"}));
    assert_eq!(poll().await.unwrap(), Progress::Done);
    // The BMC has forgotten the task: the volume tells.
    bmc.change(VOLUMES, &json!({"Members": []}));
    let Progress::Failed(cause) = poll().await.unwrap() else {
        panic!("the volume is not there");
    };
    assert!(cause.contains("not there: os"), "{cause}");
}

/// A BMC that tells of its tasks what they were asked for; the volumes are as they were until they end.
fn by_a_listed_task(resources: &mut Resources, call: &Call<'_>) -> Option<Reply> {
    let task = match call.method {
        "POST" if call.path == VOLUMES => "/redfish/v1/TaskService/Tasks/1",
        "DELETE" => "/redfish/v1/TaskService/Tasks/2",
        _ => return None,
    };
    let payload = json!({
        "TargetUri": call.path,
        "HttpOperation": call.method,
        "JsonBody": call.body.to_string(),
    });
    let running = json!({"TaskState": "Pending", "Payload": payload});
    resources.insert(task.to_owned(), running);
    let list = resources
        .get_mut("/redfish/v1/TaskService/Tasks")
        .and_then(|list| list["Members"].as_array_mut())
        .unwrap();
    list.push(json!({"@odata.id": task}));
    Some(Reply::accepted(task))
}

#[tokio::test]
async fn what_a_task_does_already_is_not_asked_for_again() {
    let mut oddities = bmc_with(by_a_listed_task, &["Immediate"]);
    let root = json!({
        "Systems": {"@odata.id": "/redfish/v1/Systems"},
        "Tasks": {"@odata.id": "/redfish/v1/TaskService"},
    });
    let service = json!({"Tasks": {"@odata.id": "/redfish/v1/TaskService/Tasks"}});
    oddities.resources.extend([
        ("/redfish/v1/", root),
        ("/redfish/v1/TaskService", service),
        ("/redfish/v1/TaskService/Tasks", json!({"Members": []})),
    ]);
    let (bmc, hardware) = machine(oddities).await;
    let create = |name| raid(&hardware).create(mirror(name));
    let first = create("os").await.unwrap();
    // Its conductor died before it could store the record.
    assert_eq!(create("os").await.unwrap(), first);
    assert_eq!(posted(&bmc).len(), 1);
    assert_ne!(create("data").await.unwrap(), first);
    assert_eq!(posted(&bmc).len(), 2, "the task is about another volume");
    bmc.change(
        VOLUMES,
        &json!({"Members": [{"@odata.id": format!("{VOLUMES}/1")}]}),
    );
    let volume = json!({"Id": "1", "Name": "os", "RAIDType": "RAID1"});
    bmc.change(&format!("{VOLUMES}/1"), &volume);
    let first = raid(&hardware).delete_all().await.unwrap();
    assert_eq!(raid(&hardware).delete_all().await.unwrap(), first);
    assert_eq!(bmc.count("DELETE"), 1);
}

#[tokio::test]
async fn a_task_that_fails_says_why_in_the_bmcs_words() {
    let (bmc, hardware) = machine(bmc_with(by_task, &["Immediate"])).await;
    let started = raid(&hardware).create(mirror("os")).await.unwrap();
    let record = record(started, Restart::NotNeeded);
    let cases = [
        (
            json!({"TaskState": "Exception", "Messages": [{"Message": "The drive is bad."}]}),
            "The drive is bad.",
        ),
        (
            json!({"TaskState": "Killed", "Messages": []}),
            "its task ended as 'Killed' without a message",
        ),
        (
            json!({"TaskState": "Completed", "TaskStatus": "Critical", "Messages": [{"Message": "No."}]}),
            "No.",
        ),
    ];
    for (task, expected) in cases {
        bmc.change(TASK, &task);
        let progress = raid(&hardware).poll(&record).await.unwrap();
        assert_eq!(progress, Progress::Failed(expected.to_owned()));
    }
}

#[tokio::test]
async fn a_controller_that_acts_at_the_next_start_has_the_machine_restarted() {
    let (bmc, hardware) = machine(bmc_with(by_task, &["OnReset"])).await;
    let started = raid(&hardware).create(mirror("os")).await.unwrap();
    let record = record(started, Restart::Needed);
    assert_eq!(posted(&bmc)[0]["@Redfish.OperationApplyTime"], "OnReset");
    hardware.power.set(PowerAction::Reboot, None).await.unwrap();
    bmc.change(TASK, &json!({"TaskState": "Completed"}));
    let progress = raid(&hardware).poll(&record).await.unwrap();
    assert_eq!(progress, Progress::Done);
}

#[tokio::test]
async fn a_controller_that_deletes_at_the_next_start_has_the_machine_restarted() {
    let (bmc, hardware) = machine(bmc_with(by_task, &["OnReset"])).await;
    raid(&hardware).create(mirror("os")).await.unwrap();
    let started = raid(&hardware).delete_all().await.unwrap();
    let record = record(started, Restart::Needed);
    let line = format!(r#"DELETE {VOLUMES}/1 {{"@Redfish.OperationApplyTime":"OnReset"}}"#);
    assert!(bmc.log().contains(&line), "{:#?}", bmc.log());
    bmc.change(TASK, &json!({"TaskState": "Completed"}));
    let progress = raid(&hardware).poll(&record).await.unwrap();
    assert_eq!(progress, Progress::Done);
}

#[tokio::test]
async fn a_controller_that_deletes_at_once_is_asked_for_no_restart() {
    let (bmc, hardware) = machine(bmc_with(at_once, &["OnReset"])).await;
    raid(&hardware).create(mirror("os")).await.unwrap();
    assert_eq!(raid(&hardware).delete_all().await.unwrap(), Started::Done);
    let (bmc_by_task, hardware) = machine(bmc_with(by_task, &["Immediate", "OnReset"])).await;
    raid(&hardware).create(mirror("os")).await.unwrap();
    let started = raid(&hardware).delete_all().await.unwrap();
    record(started, Restart::NotNeeded);
    assert_eq!((bmc.count("DELETE"), bmc_by_task.count("DELETE")), (1, 1));
}

#[tokio::test]
async fn a_controller_that_acts_at_the_next_start_does_one_thing_at_each() {
    let (bmc, hardware) = machine(bmc_with(by_task, &["OnReset"])).await;
    let both = || [mirror("os"), mirror("data")].concat();
    let ended = async |started: Started| {
        let record = record(started, Restart::Needed);
        bmc.change(TASK, &json!({"TaskState": "Completed"}));
        let progress = raid(&hardware).poll(&record).await.unwrap();
        assert_eq!(progress, Progress::Done, "{record}");
    };
    for made in [1, 2] {
        ended(raid(&hardware).create(both()).await.unwrap()).await;
        assert_eq!(posted(&bmc).len(), made);
    }
    assert_eq!(raid(&hardware).create(both()).await.unwrap(), Started::Done);
    for deleted in [1, 2] {
        ended(raid(&hardware).delete_all().await.unwrap()).await;
        assert_eq!(bmc.count("DELETE"), deleted);
    }
    assert_eq!(raid(&hardware).delete_all().await.unwrap(), Started::Done);
}

#[tokio::test]
async fn volumes_that_are_left_are_named() {
    let (bmc, hardware) = machine(bmc_with(by_task, &[])).await;
    raid(&hardware).create(mirror("os")).await.unwrap();
    let record = json!({"tasks": [], "operation": {"delete": true}});
    let Progress::Failed(cause) = raid(&hardware).poll(&record).await.unwrap() else {
        panic!("there is still a volume");
    };
    assert!(cause.contains("still volumes: os"), "{cause}");
    drop(bmc);
}

#[tokio::test]
async fn what_cannot_be_made_changes_nothing() {
    let (bmc, hardware) = machine(bmc_with(at_once, &[])).await;
    let mut wanted = mirror("os");
    wanted.extend(mirror("more"));
    wanted.extend(mirror("too much"));
    let error = raid(&hardware).create(wanted).await.unwrap_err();
    assert!(matches!(error, BmcError::NotOffered { .. }), "{error}");
    assert!(error.to_string().contains("'too much'"), "{error}");
    assert_eq!(posted(&bmc), [] as [Value; 0]);
}

#[tokio::test]
async fn a_machine_without_storage_has_no_volumes() {
    let (_bmc, hardware) = machine(Oddities::default()).await;
    assert_eq!(
        raid(&hardware).logical_disks().await.unwrap(),
        [] as [Value; 0]
    );
    assert_eq!(raid(&hardware).delete_all().await.unwrap(), Started::Done);
    let error = raid(&hardware).create(mirror("os")).await.unwrap_err();
    assert!(error.to_string().contains("no controller"), "{error}");
}
