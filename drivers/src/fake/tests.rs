//! Fake machines as the conductor's tests use them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    BmcError, BootDevice, BootSetting, Drivers, Enabled, FakeFault, FakeMachines, Hardware,
    OffAllowed, Persistence, PowerAction, PowerState, Settings, Target, resolve,
};

fn connect(fakes: &FakeMachines, name: &str, driver_info: &Value) -> Hardware {
    let interfaces = resolve("fake-hardware", &Enabled::default(), &BTreeMap::new()).unwrap();
    let target = Target {
        name,
        driver_info: driver_info.as_object().unwrap(),
        off_allowed: OffAllowed::Yes,
    };
    Drivers::new(Settings::default(), fakes.clone())
        .connect(&interfaces, target)
        .unwrap()
}

#[tokio::test]
async fn a_machine_keeps_its_state_over_handles() {
    let fakes = FakeMachines::default();
    connect(&fakes, "a", &json!({}))
        .power
        .set(PowerAction::On, None)
        .await
        .unwrap();
    assert_eq!(
        connect(&fakes, "a", &json!({})).power.get().await.unwrap(),
        Some(PowerState::On)
    );
    assert_eq!(
        connect(&fakes, "b", &json!({})).power.get().await.unwrap(),
        Some(PowerState::Off)
    );
    assert_eq!(
        connect(&fakes, "c", &json!({"fake_address": "a"}))
            .power
            .get()
            .await
            .unwrap(),
        Some(PowerState::On)
    );
}

#[tokio::test]
async fn a_boot_uses_up_a_setting_for_one_boot() {
    let fakes = FakeMachines::default();
    let hardware = connect(&fakes, "a", &json!({}));
    let management = hardware.management.as_ref().unwrap();
    management
        .set_boot_device(BootDevice::Pxe, Persistence::Once, None)
        .await
        .unwrap();
    for action in [
        PowerAction::On,
        PowerAction::On,
        PowerAction::Reboot,
        PowerAction::Off,
        PowerAction::On,
    ] {
        hardware.power.set(action, None).await.unwrap();
    }
    let disk = Some(BootDevice::Disk);
    assert_eq!(
        fakes.machine("a").boots(),
        [Some(BootDevice::Pxe), disk, disk]
    );
    let remains = BootSetting {
        device: disk,
        persistence: Some(Persistence::Continuous),
    };
    assert_eq!(management.boot_device().await.unwrap(), remains);
}

#[tokio::test]
async fn faults_come_once_each_and_in_order() {
    let fakes = FakeMachines::default();
    let hardware = connect(&fakes, "a", &json!({}));
    fakes.machine("a").fail_next([
        FakeFault::NoAnswer,
        FakeFault::Credentials,
        FakeFault::Broken("on fire".to_owned()),
    ]);
    let error = hardware.power.set(PowerAction::On, None).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(matches!(
        hardware.power.get().await,
        Err(BmcError::Credentials { .. })
    ));
    assert_eq!(
        hardware.power.get().await.unwrap_err().to_string(),
        "fake:a: on fire"
    );
    assert_eq!(hardware.power.get().await.unwrap(), Some(PowerState::Off));
}

#[tokio::test]
async fn a_machine_can_be_slow() {
    let hardware = connect(
        &FakeMachines::default(),
        "a",
        &json!({"fake_delay_ms": "50"}),
    );
    let start = tokio::time::Instant::now();
    hardware.power.get().await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_machine_that_is_kept_outlives_its_process_and_may_be_changed_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let process = || FakeMachines::kept_in(Some(folder.path().to_owned()));
    let hardware = connect(&process(), "a", &json!({}));
    let management = hardware.management.as_ref().unwrap();
    management
        .set_boot_device(BootDevice::Pxe, Persistence::Once, None)
        .await
        .unwrap();
    hardware.power.set(PowerAction::On, None).await.unwrap();
    let file = folder.path().join("a.json");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let expected = json!({
        "power": "power on", "boot_device": "disk", "boot_persistent": true, "boot_mode": "uefi",
        "boots": 1, "booted_from": "pxe",
    });
    assert_eq!(kept, expected);
    let next = connect(&process(), "a", &json!({}));
    assert_eq!(next.power.get().await.unwrap(), Some(PowerState::On));
    let mut off = expected;
    off["power"] = json!("power off");
    std::fs::write(&file, off.to_string()).unwrap();
    assert_eq!(next.power.get().await.unwrap(), Some(PowerState::Off));
    next.power.set(PowerAction::On, None).await.unwrap();
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.contains(r#""boots":2"#), "{kept}");
}

#[tokio::test]
async fn an_answer_may_come_long_after_its_effect() {
    let fakes = FakeMachines::default();
    let hardware = connect(&fakes, "a", &json!({"fake_answer_delay_ms": 60_000}));
    let set = hardware.power.set(PowerAction::On, None);
    let answered = tokio::time::timeout(Duration::from_millis(20), set).await;
    assert!(answered.is_err());
    assert_eq!(fakes.machine("a").power(), PowerState::On);
}
