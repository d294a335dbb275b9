//! BIOS settings: what is written where, what a restart brings, and what is found out when asked twice.

use serde_json::{Map, Value, json};

use super::fake_bmc::FakeBmc;
use super::machine;
use super::oddities::{Call, Fault, Oddities, Reply, Resources};
use crate::{Bios, BmcError, Hardware, PowerAction, Progress, Restart, Started};

const SYSTEM: &str = "/redfish/v1/Systems/1";
const BIOS: &str = "/redfish/v1/Systems/1/Bios";
const SETTINGS: &str = "/redfish/v1/Systems/1/Bios/Settings";
const RESET: &str = "/redfish/v1/Systems/1/Bios/Actions/Bios.ResetBios";

/// Pending settings hold when the machine is switched on, as on real machines.
fn effect(resources: &mut Resources, call: &Call<'_>) -> Option<Reply> {
    if call.method != "POST" {
        return None;
    }
    if call.path == RESET {
        resources.get_mut(SETTINGS)?["Attributes"] = json!({"Turbo": "Enabled", "Cores": 8});
        return Some(Reply::new(204));
    }
    if call.body["ResetType"] == "On" {
        let pending = resources.get(SETTINGS)?["Attributes"].as_object()?.clone();
        let bios = resources.get_mut(BIOS)?["Attributes"].as_object_mut()?;
        // This firmware knows its values.
        let valid = pending
            .into_iter()
            .filter(|(_, value)| value != "Sometimes");
        bios.extend(valid);
        resources.get_mut(SETTINGS)?["Attributes"] = json!({});
    }
    None
}

fn bmc_with(bios: Value) -> Oddities {
    let mut resource = json!({
        "@odata.id": BIOS,
        "Attributes": {"Turbo": "Enabled", "Cores": 8, "Hyper": false},
        "@Redfish.Settings": {
            "SettingsObject": {"@odata.id": SETTINGS},
            "SupportedApplyTimes": ["Immediate", "OnReset"],
        },
        "Actions": {"#Bios.ResetBios": {"target": RESET}},
    });
    let Value::Object(bios) = bios else {
        unreachable!("the cases are objects");
    };
    resource.as_object_mut().unwrap().extend(bios);
    Oddities {
        system: json!({"Bios": {"@odata.id": BIOS}, "PowerState": "On"}),
        resources: vec![
            (BIOS, resource),
            (SETTINGS, json!({"@odata.id": SETTINGS, "Attributes": {}})),
        ],
        effect,
        ..Oddities::default()
    }
}

fn bios(hardware: &Hardware) -> &dyn Bios {
    hardware.bios.as_deref().unwrap()
}

fn wanted(settings: Value) -> Map<String, Value> {
    let Value::Object(settings) = settings else {
        unreachable!("the cases are objects");
    };
    settings
}

fn record(started: Started) -> Value {
    match started {
        Started::Pending { record, restart } => {
            assert_eq!(restart, Restart::Needed);
            record
        }
        Started::Done => panic!("the machine must be restarted first"),
    }
}

/// What was written to the settings object.
fn written(bmc: &FakeBmc) -> Vec<String> {
    let start = format!("PATCH {SETTINGS} ");
    let log = bmc.log();
    let lines = log.iter().filter_map(|line| line.strip_prefix(&start));
    lines.map(str::to_owned).collect()
}

#[tokio::test]
async fn settings_are_written_and_hold_after_a_restart() {
    let (bmc, hardware) = machine(bmc_with(json!({}))).await;
    let settings = wanted(json!({"Turbo": "Disabled", "Cores": "4"}));
    let started = bios(&hardware).apply_configuration(settings).await.unwrap();
    let record = record(started);
    let sent: Value = serde_json::from_str(&written(&bmc)[0]).unwrap();
    assert_eq!(
        sent["Attributes"],
        json!({"Turbo": "Disabled", "Cores": "4"})
    );
    assert_eq!(sent["@Redfish.SettingsApplyTime"]["ApplyTime"], "OnReset");
    let before = bios(&hardware).poll(&record).await.unwrap();
    assert!(matches!(before, Progress::Pending(_)), "{before:?}");
    hardware.power.set(PowerAction::Reboot, None).await.unwrap();
    let after = bios(&hardware).poll(&record).await.unwrap();
    assert_eq!(after, Progress::Done);
    let shown = bios(&hardware).settings().await.unwrap();
    assert_eq!(shown["Turbo"], "Disabled");
    assert_eq!(shown["Hyper"], json!(false));
}

#[tokio::test]
async fn what_was_done_already_is_not_done_again() {
    let (bmc, hardware) = machine(bmc_with(json!({}))).await;
    let settings = wanted(json!({"Turbo": "Disabled"}));
    let apply = || bios(&hardware).apply_configuration(settings.clone());
    record(apply().await.unwrap());
    // The first one died before it could store the record.
    record(apply().await.unwrap());
    assert_eq!(written(&bmc).len(), 1);
    hardware.power.set(PowerAction::Reboot, None).await.unwrap();
    assert_eq!(apply().await.unwrap(), Started::Done);
    assert_eq!(written(&bmc).len(), 1);
}

#[tokio::test]
async fn what_the_firmware_did_not_take_is_named() {
    let (_bmc, hardware) = machine(bmc_with(json!({}))).await;
    let settings = wanted(json!({"Turbo": "Sometimes", "Cores": 4}));
    let started = bios(&hardware).apply_configuration(settings).await.unwrap();
    let mut record = record(started);
    hardware.power.set(PowerAction::Reboot, None).await.unwrap();
    for look in 1.. {
        match bios(&hardware).poll(&record).await.unwrap() {
            Progress::Pending(next) => record = next,
            Progress::Failed(cause) => {
                assert_eq!(look, 10);
                assert!(
                    cause.contains(r#"Turbo="Sometimes" (is "Enabled")"#),
                    "{cause}"
                );
                assert!(!cause.contains("Cores"), "{cause}");
                return;
            }
            Progress::Done => panic!("the firmware did not take it"),
        }
    }
}

#[tokio::test]
async fn nothing_is_read_back_before_the_firmware_has_started() {
    let (bmc, hardware) = machine(bmc_with(json!({}))).await;
    let started = bios(&hardware).factory_reset().await.unwrap();
    let record = record(started);
    let cases = [
        (json!({"PowerState": "Off"}), false),
        (
            json!({"PowerState": "On", "BootProgress": {"LastState": "MemoryInitializationStarted"}}),
            false,
        ),
        (json!({"BootProgress": {"LastState": "OSRunning"}}), true),
        (json!({"BootProgress": null}), true),
    ];
    for (system, is_done) in cases {
        bmc.change(SYSTEM, &system);
        let progress = bios(&hardware).poll(&record).await.unwrap();
        assert_eq!(progress == Progress::Done, is_done, "{system}");
    }
}

#[tokio::test]
async fn a_factory_reset_holds_after_a_restart() {
    let (bmc, hardware) = machine(bmc_with(json!({}))).await;
    bmc.change(BIOS, &json!({"Attributes": {"Turbo": "Disabled"}}));
    let started = bios(&hardware).factory_reset().await.unwrap();
    let record = record(started);
    assert_eq!(bmc.count(&format!("POST {RESET}")), 1);
    hardware.power.set(PowerAction::Reboot, None).await.unwrap();
    let progress = bios(&hardware).poll(&record).await.unwrap();
    assert_eq!(progress, Progress::Done);
    let shown = bios(&hardware).settings().await.unwrap();
    assert_eq!(shown["Turbo"], "Enabled");
}

#[tokio::test]
async fn a_bmc_without_a_settings_object_gets_them_where_they_are() {
    let oddities = bmc_with(json!({"@Redfish.Settings": {}}));
    let (bmc, hardware) = machine(oddities).await;
    let settings = wanted(json!({"Turbo": "Disabled"}));
    let apply = || bios(&hardware).apply_configuration(settings.clone());
    record(apply().await.unwrap());
    assert_eq!(bmc.count(&format!("PATCH {BIOS} ")), 1);
    assert_eq!(apply().await.unwrap(), Started::Done);
}

#[tokio::test]
async fn refusals_say_what_there_is() {
    let (bmc, hardware) = machine(bmc_with(json!({}))).await;
    let apply = |settings| bios(&hardware).apply_configuration(wanted(settings));
    let unknown = apply(json!({"TurboMode": 1})).await.unwrap_err();
    let unknown = unknown.to_string();
    assert!(
        unknown.contains("does not offer the BIOS setting 'TurboMode'; it offers Turbo"),
        "{unknown}"
    );
    assert_eq!(written(&bmc).len(), 0);
    let (_plain, without) = machine(Oddities::default()).await;
    let error = bios(&without).settings().await.unwrap_err();
    assert!(matches!(error, BmcError::NotOffered { .. }), "{error}");
    let refusing = Oddities {
        faults: vec![Fault::new("PATCH /redfish/v1/Systems/1/Bios", 9, 400)],
        ..bmc_with(json!({}))
    };
    let (_bmc, hardware) = machine(refusing).await;
    let settings = wanted(json!({"Turbo": "Disabled"}));
    let error = bios(&hardware)
        .apply_configuration(settings)
        .await
        .unwrap_err();
    assert!(
        matches!(error, BmcError::Refused { status: 400, .. }),
        "{error}"
    );
}

/// A registry in two languages, and another file before it that is none of this machine's.
fn registry() -> Vec<(&'static str, Value)> {
    let entries = json!({"RegistryEntries": {"Attributes": [
        {"AttributeName": "Turbo", "Type": "Enumeration", "ReadOnly": false, "ResetRequired": true,
         "Value": [{"ValueName": "Enabled"}, {"ValueDisplayName": "Off"}, {"odd": 1}]},
        {"AttributeName": "Cores", "Type": "Integer", "LowerBound": 1, "UpperBound": 64, "IsSystemUniqueProperty": true},
        {"AttributeName": "Elsewhere", "Type": "String", "MinLength": 1, "MaxLength": 8},
        {"odd": true},
    ]}});
    vec![
        (
            "/redfish/v1/Registries",
            json!({"Members": [{"@odata.id": "/redfish/v1/Registries/Base"}, {"@odata.id": "/redfish/v1/Registries/7"}]}),
        ),
        (
            "/redfish/v1/Registries/Base",
            json!({"Registry": "Base.1.0", "Location": []}),
        ),
        (
            "/redfish/v1/Registries/7",
            json!({"Registry": "BiosAttributes.1", "Location": [
                {"Language": "zh", "Uri": "/registries/zh"},
                {"Language": "en-US", "ArchiveUri": "/registries/en.zip"},
                {"Language": "en", "Uri": "/registries/en"},
            ]}),
        ),
        ("/registries/en", entries),
    ]
}

#[tokio::test]
async fn settings_are_described_by_the_registry_where_there_is_one() {
    let mut oddities = bmc_with(json!({"AttributeRegistry": "BiosAttributes.1"}));
    oddities.resources.extend(registry());
    let (bmc, hardware) = machine(oddities).await;
    let described = bios(&hardware).described_settings().await.unwrap();
    let of = |name: &str| {
        let found = described.iter().find(|setting| setting.name == name);
        found.unwrap().clone()
    };
    let turbo = of("Turbo").attribute.unwrap();
    assert_eq!(turbo.allowable_values.unwrap(), ["Enabled", "Off"]);
    assert_eq!(
        (turbo.read_only, turbo.reset_required),
        (Some(false), Some(true))
    );
    let cores = of("Cores");
    assert_eq!(cores.value, json!(8));
    let cores = cores.attribute.unwrap();
    assert_eq!((cores.lower_bound, cores.upper_bound), (Some(1), Some(64)));
    assert_eq!((cores.unique, cores.min_length), (Some(true), None));
    assert_eq!(of("Hyper").attribute, None);
    assert_eq!(described.len(), 3);
    // Without it they are read all the same.
    bmc.change("/redfish/v1/Registries/7", &json!({"Location": null}));
    let described = bios(&hardware).described_settings().await.unwrap();
    assert!(described.iter().all(|setting| setting.attribute.is_none()));
    assert_eq!(described.len(), 3);
}

/// Whoever keeps what was read would take an empty list for settings that are gone.
#[tokio::test]
async fn settings_that_cannot_be_read_are_an_error_and_no_list() {
    let (bmc, hardware) = machine(bmc_with(json!({}))).await;
    for garbage in [json!(null), json!([]), json!("none"), json!(7)] {
        bmc.change(BIOS, &json!({"Attributes": garbage}));
        let read = bios(&hardware).described_settings().await;
        assert!(read.is_err(), "{garbage}: {read:?}");
    }
    bmc.change(SYSTEM, &json!({"Bios": null}));
    let error = bios(&hardware).described_settings().await.unwrap_err();
    assert!(matches!(error, BmcError::NotOffered { .. }), "{error}");
}
