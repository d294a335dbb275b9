//! The boot mode: how it is set, and when it holds.

use serde_json::{Value, json};

use super::oddities::{Oddities, Reply};
use super::{machine, management};
use crate::{BmcError, BootMode, TakesEffect};

#[tokio::test]
async fn the_mode_is_set_alone_or_with_the_rest() {
    let whole = json!({"BootSourceOverrideMode": "Legacy", "BootSourceOverrideTarget": "None", "BootSourceOverrideEnabled": "Disabled"});
    let alone = json!({"BootSourceOverrideMode": "Legacy"});
    let needs_target: fn(&Value) -> Option<u16> = |boot| {
        if boot.get("BootSourceOverrideTarget").is_none() {
            Some(400)
        } else {
            None
        }
    };
    for (refuses_boot, expected) in [
        (Oddities::default().refuses_boot, vec![&alone]),
        (needs_target, vec![&alone, &whole]),
    ] {
        let (bmc, hardware) = machine(Oddities {
            refuses_boot,
            ..Oddities::default()
        })
        .await;
        let set = management(&hardware).set_boot_mode(BootMode::Bios).await;
        assert_eq!(set.unwrap(), TakesEffect::Now);
        assert_eq!(
            management(&hardware).boot_mode().await.unwrap(),
            Some(BootMode::Bios)
        );
        let expected: Vec<_> = expected
            .into_iter()
            .map(|boot| json!({"Boot": boot}).to_string())
            .collect();
        assert_eq!(bmc.changes(), expected);
    }
    let (_bmc, hardware) = machine(Oddities {
        refuses_boot: |_| Some(400),
        ..Oddities::default()
    })
    .await;
    let error = management(&hardware)
        .set_boot_mode(BootMode::Bios)
        .await
        .unwrap_err();
    assert!(matches!(error, BmcError::Refused { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .ends_with("with 400: The property BootSourceOverrideMode is not writable."),
        "{error}"
    );
}

#[tokio::test]
async fn a_mode_that_the_firmware_takes_over_later_is_set_once() {
    let path = "/redfish/v1/Systems/1/Settings";
    let boot =
        json!({"Boot": {"BootSourceOverrideTarget": "None", "BootSourceOverrideMode": "UEFI"}});
    let (bmc, hardware) = machine(Oddities {
        system: json!({"@Redfish.Settings": {"SettingsObject": {"@odata.id": path}}}),
        resources: vec![(path, boot)],
        ..Oddities::default()
    })
    .await;
    let management = management(&hardware);
    for _ in 0..2 {
        let set = management.set_boot_mode(BootMode::Bios).await.unwrap();
        assert_eq!(set, TakesEffect::AtNextBoot);
    }
    assert_eq!(bmc.count("PATCH"), 1);
    assert_eq!(management.boot_mode().await.unwrap(), Some(BootMode::Uefi));
    let taken_over = json!({"Boot": {"BootSourceOverrideMode": "Legacy"}});
    bmc.change("/redfish/v1/Systems/1", &taken_over);
    let set = management.set_boot_mode(BootMode::Bios).await.unwrap();
    assert_eq!(set, TakesEffect::Now);
    assert_eq!(bmc.count("PATCH"), 1);
}

#[tokio::test]
async fn a_mode_that_is_not_shown_is_taken_to_be_set() {
    let (_bmc, hardware) = machine(Oddities {
        system: json!({"Boot": {"BootSourceOverrideMode": null}}),
        effect: |_, call| (call.method == "PATCH").then(|| Reply::new(204)),
        ..Oddities::default()
    })
    .await;
    let set = management(&hardware).set_boot_mode(BootMode::Bios).await;
    assert_eq!(set.unwrap(), TakesEffect::Now);
}
