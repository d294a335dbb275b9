//! Fake machines as the conductor's tests use them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    BmcError, BootDevice, BootMode, BootSetting, Component, ConsoleState, Drivers, Enabled,
    FakeFault, FakeMachines, Hardware, IndicatorState, OffAllowed, Persistence, PowerAction,
    PowerState, SecureBootState, Settings, TakesEffect, Target, resolve,
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
        "boots": 1, "booted_from": "pxe", "secure_boot": false, "interrupts": 0,
        "indicators": {"led@system": "on", "led-0@chassis": "on"},
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

#[tokio::test]
async fn a_boot_mode_and_secure_boot_are_read_back() {
    let hardware = connect(&FakeMachines::default(), "a", &json!({}));
    let (management, secure_boot) = (
        hardware.management.as_ref().unwrap(),
        hardware.secure_boot.as_ref().unwrap(),
    );
    let on = secure_boot.set_state(SecureBootState::On).await.unwrap();
    assert_eq!(on, TakesEffect::Now);
    let state = secure_boot.state().await.unwrap();
    assert_eq!(state, Some(SecureBootState::On));
    management.set_boot_mode(BootMode::Bios).await.unwrap();
    assert_eq!(management.boot_mode().await.unwrap(), Some(BootMode::Bios));
    let state = secure_boot.state().await.unwrap();
    assert_eq!(
        state,
        Some(SecureBootState::Off),
        "there is none in BIOS mode"
    );
    let error = secure_boot
        .set_state(SecureBootState::On)
        .await
        .unwrap_err();
    assert!(matches!(error, BmcError::NotOffered { .. }), "{error}");
}

#[tokio::test]
async fn a_firmware_may_take_settings_over_at_the_next_boot() {
    let fakes = FakeMachines::default();
    let hardware = connect(&fakes, "a", &json!({}));
    fakes.machine("a").set_firmware_at_boot();
    let management = hardware.management.as_ref().unwrap();
    for _ in 0..2 {
        let set = management.set_boot_mode(BootMode::Bios).await.unwrap();
        assert_eq!(set, TakesEffect::AtNextBoot);
        assert_eq!(management.boot_mode().await.unwrap(), Some(BootMode::Uefi));
    }
    hardware.power.set(PowerAction::On, None).await.unwrap();
    assert_eq!(management.boot_mode().await.unwrap(), Some(BootMode::Bios));
    let set = management.set_boot_mode(BootMode::Bios).await.unwrap();
    assert_eq!(set, TakesEffect::Now);
}

#[tokio::test]
async fn an_nmi_reaches_a_machine_that_is_on() {
    let fakes = FakeMachines::default();
    let hardware = connect(&fakes, "a", &json!({}));
    let management = hardware.management.as_ref().unwrap();
    let error = management.inject_nmi().await.unwrap_err();
    assert!(
        error.to_string().contains("while the machine is on"),
        "{error}"
    );
    hardware.power.set(PowerAction::On, None).await.unwrap();
    management.inject_nmi().await.unwrap();
    assert_eq!(fakes.machine("a").interrupts(), 1);
}

#[tokio::test]
async fn lights_are_switched_and_read_back() {
    let hardware = connect(&FakeMachines::default(), "a", &json!({}));
    let lights = hardware.indicators.as_ref().unwrap();
    for light in lights.list().await.unwrap() {
        let state = lights.get(light.component, &light.name).await.unwrap();
        assert_eq!(state, IndicatorState::On);
    }
    let system = Component::System;
    let off = lights.set(system, "led", IndicatorState::Off).await;
    off.unwrap();
    let state = lights.get(system, "led").await.unwrap();
    assert_eq!(state, IndicatorState::Off);
    for (component, name, state) in [
        (Component::Chassis, "led-0", IndicatorState::Off),
        (system, "led", IndicatorState::Unknown),
        (system, "led-0", IndicatorState::On),
        (Component::Nic, "led", IndicatorState::On),
    ] {
        let refused = lights.set(component, name, state).await;
        assert!(
            matches!(refused, Err(BmcError::NotOffered { .. })),
            "{name}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_console_is_open_in_the_process_that_opened_it_only() {
    let fakes = FakeMachines::default();
    let interfaces = resolve("fake-hardware", &Enabled::default(), &BTreeMap::new()).unwrap();
    let info = serde_json::Map::new();
    let target = Target {
        name: "a",
        driver_info: &info,
        off_allowed: OffAllowed::Yes,
    };
    let process = || Drivers::new(Settings::default(), fakes.clone());
    let (one, two) = (process(), process());
    let console = |drivers: &Drivers| {
        drivers
            .connect(&interfaces, target)
            .unwrap()
            .console
            .unwrap()
    };
    console(&one).open().await.unwrap();
    assert_eq!(console(&one).state(), ConsoleState::Open);
    assert_eq!(console(&two).state(), ConsoleState::Closed);
    console(&one).close().await.unwrap();
    assert_eq!(console(&one).state(), ConsoleState::Closed);
}

#[tokio::test]
async fn a_machine_boots_from_what_it_offers_only() {
    let hardware = connect(&FakeMachines::default(), "a", &json!({}));
    let management = hardware.management.as_ref().unwrap();
    let set = management.set_boot_device(BootDevice::Safe, Persistence::Once, None);
    let error = set.await.unwrap_err().to_string();
    assert!(
        error.ends_with("does not offer boot device 'safe'; it offers pxe, disk, cdrom"),
        "{error}"
    );
}
