//! What fake BMCs finish by themselves, as the conductor's tests use it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Answer, BmcError, Drivers, Enabled, FakeMachines, FirmwareImage, Hardware, InterfaceKind,
    OffAllowed, PeriodicVisit, Progress, RaidConfig, Restart, Settings, Snapshot, Started, Target,
    resolve,
};

fn connect(fakes: &FakeMachines, driver_info: &Value) -> Hardware {
    let interfaces = resolve("fake-hardware", &Enabled::default(), &BTreeMap::new()).unwrap();
    let target = Target {
        name: "a",
        driver_info: driver_info.as_object().unwrap(),
        off_allowed: OffAllowed::Yes,
    };
    Drivers::new(Settings::default(), fakes.clone())
        .connect(&interfaces, target)
        .unwrap()
}

fn numlock(value: &str) -> serde_json::Map<String, Value> {
    [("NumLock".to_owned(), value.into())].into_iter().collect()
}

fn pending(started: Started) -> Value {
    match started {
        Started::Pending { record, .. } => record,
        Started::Done => panic!("the BMC goes on by itself"),
    }
}

#[tokio::test]
async fn a_machine_without_tasks_does_everything_at_once() {
    let fakes = FakeMachines::default();
    let hardware = connect(&fakes, &json!({}));
    let (bios, raid) = (hardware.bios.unwrap(), hardware.raid.unwrap());
    let started = bios.apply_configuration(numlock("Off")).await.unwrap();
    assert_eq!(started, Started::Done);
    assert_eq!(fakes.machine("a").bios_settings()["NumLock"], "Off");
    assert_eq!(bios.factory_reset().await.unwrap(), Started::Done);
    assert_eq!(bios.settings().await.unwrap()["NumLock"], "On");
    let config =
        json!({"logical_disks": [{"size_gb": "MAX", "raid_level": "1", "volume_name": "v"}]});
    let wanted = RaidConfig::parse(&config).unwrap().logical_disks;
    for _ in 0..2 {
        assert_eq!(raid.create(wanted.clone()).await.unwrap(), Started::Done);
    }
    let volumes = raid.logical_disks().await.unwrap();
    assert_eq!((volumes.len(), &volumes[0]["size_gb"]), (1, &json!(100)));
    assert_eq!(raid.delete_all().await.unwrap(), Started::Done);
    assert_eq!(fakes.machine("a").volumes(), [] as [Value; 0]);
}

#[tokio::test]
async fn what_a_machine_does_not_have_is_refused() {
    let hardware = connect(&FakeMachines::default(), &json!({}));
    let unknown = [("Colour".to_owned(), "red".into())].into_iter().collect();
    let bios = hardware.bios.unwrap();
    let error = bios.apply_configuration(unknown).await.unwrap_err();
    assert!(matches!(error, BmcError::NotOffered { .. }), "{error}");
    let image = FirmwareImage {
        component: "nic:1".to_owned(),
        url: "http://a/2.0".to_owned(),
        wait: Duration::ZERO,
    };
    let firmware = hardware.firmware.unwrap();
    let error = firmware.update(image).await.unwrap_err();
    assert!(error.to_string().contains("it offers bios, bmc"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_task_has_its_effect_at_its_end_and_is_begun_once() {
    let fakes = FakeMachines::default();
    let hardware = connect(&fakes, &json!({"fake_async_steps_s": "30"}));
    let bios = hardware.bios.unwrap();
    let apply = || bios.apply_configuration(numlock("Off"));
    let started = apply().await.unwrap();
    assert!(
        matches!(
            started,
            Started::Pending {
                restart: Restart::Needed,
                ..
            }
        ),
        "{started:?}"
    );
    let record = pending(started);
    assert_eq!(pending(apply().await.unwrap()), record);
    assert_eq!(fakes.machine("a").tasks_begun(), 1);
    tokio::time::advance(Duration::from_secs(29)).await;
    let progress = bios.poll(&record).await.unwrap();
    assert_eq!(progress, Progress::Pending(record.clone()));
    assert_eq!(fakes.machine("a").bios_settings()["NumLock"], "On");
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(bios.poll(&record).await.unwrap(), Progress::Done);
    assert_eq!(fakes.machine("a").bios_settings()["NumLock"], "Off");
    assert_eq!(apply().await.unwrap(), Started::Done);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_forgot_a_task_begins_it_anew() {
    let slow = json!({"fake_async_steps_s": 30});
    let hardware = connect(&FakeMachines::default(), &slow);
    let image = FirmwareImage {
        component: "bmc".to_owned(),
        url: "http://a/2.0".to_owned(),
        wait: Duration::ZERO,
    };
    let firmware = hardware.firmware.unwrap();
    let record = pending(firmware.update(image).await.unwrap());
    // Another process, so another machine.
    let fakes = FakeMachines::default();
    let firmware = connect(&fakes, &slow).firmware.unwrap();
    let Progress::Pending(record) = firmware.poll(&record).await.unwrap() else {
        panic!("it has only begun");
    };
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(firmware.poll(&record).await.unwrap(), Progress::Done);
    assert_eq!(fakes.machine("a").firmware_versions()["bmc"], "2.0");
    let versions = firmware.components().await.unwrap();
    assert!(
        versions
            .iter()
            .any(|one| one.component == "bmc" && one.version == "2.0")
    );
    let Progress::Failed(cause) = firmware.poll(&json!({"task": 1})).await.unwrap() else {
        panic!("nobody can know what that was");
    };
    assert!(cause.contains("damaged"), "{cause}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_answers_what_the_task_came_to() {
    let fakes = FakeMachines::default();
    let hardware = connect(&fakes, &json!({"fake_async_steps_s": 30}));
    fakes
        .machine("a")
        .fail_tasks(["the chip is worn out".to_owned()]);
    let bios = hardware.bios.clone().unwrap();
    let record = pending(bios.factory_reset().await.unwrap());
    let drivers = Drivers::new(Settings::default(), fakes.clone());
    let purpose = Drivers::watch_of(InterfaceKind::Bios, "fake").unwrap();
    let jobs = drivers.periodics();
    let job = jobs
        .iter()
        .find(|job| job.spec().purpose == purpose)
        .unwrap();
    let visit = PeriodicVisit {
        node: "n",
        snapshot: &Snapshot::default(),
        record: &record,
        hardware: &hardware,
    };
    assert_eq!(job.visit(&visit).await.unwrap(), Answer::Nothing);
    tokio::time::advance(Duration::from_secs(31)).await;
    let failed = Answer::StepFailed("the chip is worn out".to_owned());
    assert_eq!(job.visit(&visit).await.unwrap(), failed);
    let again = pending(bios.factory_reset().await.unwrap());
    let visit = PeriodicVisit {
        record: &again,
        ..visit
    };
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(job.visit(&visit).await.unwrap(), Answer::StepDone);
    let bare = Hardware {
        bios: None,
        ..hardware.clone()
    };
    let visit = PeriodicVisit {
        hardware: &bare,
        ..visit
    };
    let Answer::StepFailed(cause) = job.visit(&visit).await.unwrap() else {
        panic!("nobody is left to ask");
    };
    assert!(cause.contains("no bios interface"), "{cause}");
}

#[test]
fn each_interface_with_tasks_has_one_watch() {
    let drivers = Drivers::new(Settings::default(), FakeMachines::default());
    let mut purposes: Vec<_> = drivers
        .periodics()
        .iter()
        .map(|job| job.spec().purpose)
        .collect();
    let count = purposes.len();
    purposes.sort_unstable();
    purposes.dedup();
    assert_eq!(purposes.len(), count);
    for (kind, implementation) in [
        (InterfaceKind::Bios, "fake"),
        (InterfaceKind::Raid, "fake"),
        (InterfaceKind::Firmware, "fake"),
        (InterfaceKind::Bios, "redfish"),
        (InterfaceKind::Raid, "redfish"),
        (InterfaceKind::Firmware, "redfish"),
    ] {
        let purpose = Drivers::watch_of(kind, implementation).unwrap();
        assert!(purposes.contains(&purpose));
    }
    assert_eq!(Drivers::watch_of(InterfaceKind::Bios, "no-bios"), None);
}
