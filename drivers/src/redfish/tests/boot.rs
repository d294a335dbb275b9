//! Boot device, also with a mode: what is sent to which BMC, in which order, and what is read back.

use serde_json::{Value, json};

use super::oddities::{Oddities, Tags};
use super::{machine, management};
use crate::{BootDevice, BootMode, BootSetting, Persistence};

const ONCE: Persistence = Persistence::Once;
const CONTINUOUS: Persistence = Persistence::Continuous;

/// A boot setting as it is sent.
fn sent(target: &str, enabled: &str) -> Value {
    json!({"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": enabled})
}

fn sent_with_mode(target: &str, enabled: &str, mode: &str) -> Value {
    json!({"BootSourceOverrideTarget": target, "BootSourceOverrideEnabled": enabled, "BootSourceOverrideMode": mode})
}

struct Case {
    what: &'static str,
    oddities: Oddities,
    set: (BootDevice, Persistence, Option<BootMode>),
    sent: Vec<Value>,
    taken: Persistence,
}

fn with_boot(boot: &Value) -> Oddities {
    Oddities {
        system: json!({"Boot": boot}),
        ..Oddities::default()
    }
}

fn mode_cases() -> Vec<Case> {
    let legacy = json!({"BootSourceOverrideMode": "Legacy"});
    let pxe = |mode| (BootDevice::Pxe, ONCE, mode);
    vec![
        Case {
            what: "plain",
            oddities: Oddities::default(),
            set: pxe(None),
            sent: vec![sent("Pxe", "Once")],
            taken: ONCE,
        },
        Case {
            what: "the mode is as wanted",
            oddities: Oddities::default(),
            set: pxe(Some(BootMode::Uefi)),
            sent: vec![sent("Pxe", "Once")],
            taken: ONCE,
        },
        Case {
            what: "the mode changes",
            oddities: with_boot(&legacy),
            set: pxe(Some(BootMode::Uefi)),
            sent: vec![sent_with_mode("Pxe", "Once", "UEFI")],
            taken: ONCE,
        },
        Case {
            what: "no mode is shown",
            oddities: with_boot(&json!({"BootSourceOverrideMode": null})),
            set: pxe(Some(BootMode::Uefi)),
            sent: vec![sent("Pxe", "Once")],
            taken: ONCE,
        },
        Case {
            what: "the mode is refused",
            oddities: Oddities {
                refuses_boot: |boot| boot.get("BootSourceOverrideMode").map(|_| 400),
                ..with_boot(&legacy)
            },
            set: pxe(Some(BootMode::Uefi)),
            sent: vec![sent_with_mode("Pxe", "Once", "UEFI"), sent("Pxe", "Once")],
            taken: ONCE,
        },
    ]
}

fn persistence_cases() -> Vec<Case> {
    let only_once =
        json!({"BootSourceOverrideEnabled@Redfish.AllowableValues": ["Disabled", "Once"]});
    let is_continuous = json!({"BootSourceOverrideEnabled": "Continuous"});
    vec![
        Case {
            what: "disk for good",
            oddities: Oddities::default(),
            set: (BootDevice::Disk, CONTINUOUS, None),
            sent: vec![sent("Hdd", "Continuous")],
            taken: CONTINUOUS,
        },
        Case {
            what: "continuous is not listed",
            oddities: with_boot(&only_once),
            set: (BootDevice::Disk, CONTINUOUS, None),
            sent: vec![sent("Hdd", "Once")],
            taken: ONCE,
        },
        Case {
            what: "continuous is refused",
            oddities: Oddities {
                refuses_boot: |boot| {
                    (boot["BootSourceOverrideEnabled"] == "Continuous").then_some(405)
                },
                ..Oddities::default()
            },
            set: (BootDevice::Disk, CONTINUOUS, None),
            sent: vec![sent("Hdd", "Continuous"), sent("Hdd", "Once")],
            taken: ONCE,
        },
        Case {
            what: "the value that it already has is refused",
            oddities: Oddities {
                refuses_boot: |boot| {
                    (boot["BootSourceOverrideEnabled"] == "Continuous").then_some(400)
                },
                ..with_boot(&is_continuous)
            },
            set: (BootDevice::Disk, CONTINUOUS, None),
            sent: vec![
                sent("Hdd", "Continuous"),
                json!({"BootSourceOverrideTarget": "Hdd"}),
            ],
            taken: CONTINUOUS,
        },
        Case {
            what: "a stale URI is cleared",
            oddities: with_boot(&json!({"HttpBootUri": "http://192.0.2.1/old"})),
            set: (BootDevice::Uefihttp, ONCE, None),
            sent: vec![
                json!({"BootSourceOverrideTarget": "UefiHttp", "BootSourceOverrideEnabled": "Once", "HttpBootUri": null}),
            ],
            taken: ONCE,
        },
    ]
}

#[tokio::test]
async fn each_bmc_gets_what_it_takes() {
    for case in mode_cases().into_iter().chain(persistence_cases()) {
        let (bmc, hardware) = machine(case.oddities).await;
        let (device, persistence, mode) = case.set;
        let taken = management(&hardware)
            .set_boot_device(device, persistence, mode)
            .await
            .unwrap();
        let sent: Vec<_> = case
            .sent
            .iter()
            .map(|boot| json!({"Boot": boot}).to_string())
            .collect();
        assert_eq!(bmc.changes(), sent, "{}", case.what);
        let expected = BootSetting {
            device: Some(device),
            persistence: Some(case.taken),
        };
        assert_eq!(taken, expected, "{}", case.what);
        assert_eq!(
            management(&hardware).boot_device().await.unwrap(),
            expected,
            "{}",
            case.what
        );
    }
}

#[tokio::test]
async fn virtual_media_of_supermicro_is_a_usb_cd() {
    let cases = [
        ("Supermicro", "X12", "UsbCd"),
        ("Supermicro", "ARS-111GL-NHR", "Cd"),
        ("Dell Inc.", "R760", "Cd"),
    ];
    for (vendor, model, target) in cases {
        let (bmc, hardware) = machine(Oddities {
            system: json!({"Manufacturer": vendor, "Model": model}),
            ..Oddities::default()
        })
        .await;
        let taken = management(&hardware)
            .set_boot_device(BootDevice::Cdrom, ONCE, None)
            .await
            .unwrap();
        assert_eq!(taken.device, Some(BootDevice::Cdrom), "{vendor} {model}");
        assert_eq!(
            bmc.changes(),
            [json!({"Boot": sent(target, "Once")}).to_string()],
            "{vendor} {model}"
        );
    }
}

#[tokio::test]
async fn the_settings_resource_is_where_the_boot_override_is() {
    let path = "/redfish/v1/Systems/1/Settings";
    let boot = json!({"Boot": {"BootSourceOverrideTarget": "None", "BootSourceOverrideEnabled": "Disabled"}});
    for (settings, changed) in [(boot, path), (json!({"Boot": {}}), "/redfish/v1/Systems/1")] {
        let (bmc, hardware) = machine(Oddities {
            system: json!({"@Redfish.Settings": {"SettingsObject": {"@odata.id": path}}}),
            resources: vec![(path, settings)],
            ..Oddities::default()
        })
        .await;
        management(&hardware)
            .set_boot_device(BootDevice::Pxe, ONCE, None)
            .await
            .unwrap();
        let patches: Vec<_> = bmc
            .log()
            .into_iter()
            .filter(|line| line.starts_with("PATCH"))
            .collect();
        assert_eq!(patches.len(), 1);
        assert!(
            patches[0].starts_with(&format!("PATCH {changed} ")),
            "{patches:?}"
        );
    }
}

#[tokio::test]
async fn what_is_not_offered_is_refused_with_what_is() {
    let offers = json!({"BootSourceOverrideTarget@Redfish.AllowableValues": ["Pxe", "Hdd"]});
    let (bmc, hardware) = machine(with_boot(&offers)).await;
    let error = management(&hardware)
        .set_boot_device(BootDevice::Uefihttp, ONCE, None)
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("does not offer boot device 'uefihttp'; it offers Pxe, Hdd"),
        "{error}"
    );
    assert_eq!(bmc.changes(), Vec::<String>::new());
    assert_eq!(
        management(&hardware)
            .supported_boot_devices()
            .await
            .unwrap(),
        [BootDevice::Pxe, BootDevice::Disk]
    );
}

#[tokio::test]
async fn a_setting_that_does_not_stick_is_a_failure() {
    // The PATCH goes to a resource that the read does not show.
    let (bmc, hardware) = machine(Oddities {
        faults: vec![super::oddities::Fault::new("PATCH", 1, 200)],
        ..Oddities::default()
    })
    .await;
    let error = management(&hardware)
        .set_boot_device(BootDevice::Pxe, ONCE, None)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "BMC {} accepted boot setting Pxe, but shows None",
            bmc.url()
        )
    );
}

#[tokio::test]
async fn a_target_that_stays_disabled_is_not_set() {
    let (bmc, hardware) = machine(Oddities {
        faults: vec![super::oddities::Fault::new("PATCH", 1, 200)],
        ..with_boot(&json!({"BootSourceOverrideTarget": "Pxe"}))
    })
    .await;
    let error = management(&hardware)
        .set_boot_device(BootDevice::Pxe, ONCE, None)
        .await
        .unwrap_err();
    let sentence = format!(
        "BMC {} accepted boot setting Pxe, but shows it disabled",
        bmc.url()
    );
    assert_eq!(error.to_string(), sentence);
}

#[tokio::test]
async fn every_way_to_get_tags_wrong_is_survived() {
    for (tags, patches) in [
        (Tags::None, 1),
        (Tags::Changed, 2),
        (Tags::WeakGivenStrongTaken, 3),
        (Tags::NeverMatch, 4),
        (Tags::Demanded, 2),
    ] {
        let (bmc, hardware) = machine(Oddities {
            tags,
            ..Oddities::default()
        })
        .await;
        let taken = management(&hardware)
            .set_boot_device(BootDevice::Pxe, ONCE, None)
            .await;
        assert_eq!(taken.unwrap().device, Some(BootDevice::Pxe), "{tags:?}");
        assert_eq!(bmc.count("PATCH"), patches, "{tags:?}");
    }
}

#[tokio::test]
async fn a_disabled_override_is_no_setting() {
    let (_bmc, hardware) = machine(with_boot(&json!({"BootSourceOverrideTarget": "Pxe"}))).await;
    assert_eq!(
        management(&hardware).boot_device().await.unwrap(),
        BootSetting::default()
    );
    let (_bmc, hardware) = machine(Oddities {
        system: json!({"Boot": null}),
        ..Oddities::default()
    })
    .await;
    assert_eq!(
        management(&hardware).boot_device().await.unwrap(),
        BootSetting::default()
    );
    assert_eq!(management(&hardware).boot_mode().await.unwrap(), None);
}
