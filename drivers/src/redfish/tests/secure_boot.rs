//! Secure boot: how it is switched, and what is sent for each way to reset its keys.

use serde_json::{Value, json};

use super::machine;
use super::oddities::{Oddities, Reply};
use crate::{BmcError, KeysReset, SecureBootState, TakesEffect};

#[tokio::test]
async fn keys_are_reset_by_the_action() {
    let cases = [
        (KeysReset::ToDefault, "ResetAllKeysToDefault"),
        (KeysReset::Clear, "DeleteAllKeys"),
    ];
    for (reset, sent) in cases {
        let oddities = Oddities {
            system: json!({"SecureBoot": {"@odata.id": "/redfish/v1/Systems/1/SecureBoot"}}),
            resources: vec![("/redfish/v1/Systems/1/SecureBoot", json!({}))],
            effect: |_, call| call.path.ends_with("ResetKeys").then(|| Reply::new(200)),
            ..Oddities::default()
        };
        let (bmc, hardware) = machine(oddities).await;
        let secure_boot = hardware.secure_boot.as_deref().unwrap();
        secure_boot.reset_keys(reset).await.unwrap();
        let path = "/redfish/v1/Systems/1/SecureBoot/Actions/SecureBoot.ResetKeys";
        let line = format!(r#"POST {path} {{"ResetKeysType":"{sent}"}}"#);
        assert_eq!(bmc.log().last(), Some(&line));
    }
}

#[tokio::test]
async fn a_machine_without_secure_boot_says_so() {
    let (_bmc, hardware) = machine(Oddities::default()).await;
    let secure_boot = hardware.secure_boot.as_deref().unwrap();
    let error = secure_boot.reset_keys(KeysReset::Clear).await.unwrap_err();
    assert!(matches!(error, BmcError::NotOffered { .. }), "{error}");
    assert_eq!(secure_boot.state().await.unwrap(), None);
}

const SECURE_BOOT: &str = "/redfish/v1/Systems/1/SecureBoot";

/// A machine with secure boot in this state, and what else its system shows.
fn with_secure_boot(enabled: bool, system: &Value) -> Oddities {
    let mut shown = json!({"SecureBoot": {"@odata.id": SECURE_BOOT}});
    shown
        .as_object_mut()
        .unwrap()
        .extend(system.as_object().unwrap().clone());
    Oddities {
        system: shown,
        resources: vec![(SECURE_BOOT, json!({"SecureBootEnable": enabled}))],
        ..Oddities::default()
    }
}

#[tokio::test]
async fn it_is_switched_and_read_back() {
    let (bmc, hardware) = machine(with_secure_boot(false, &json!({}))).await;
    let secure_boot = hardware.secure_boot.as_deref().unwrap();
    let off = Some(SecureBootState::Off);
    assert_eq!(secure_boot.state().await.unwrap(), off);
    for _ in 0..2 {
        let set = secure_boot.set_state(SecureBootState::On).await.unwrap();
        assert_eq!(set, TakesEffect::Now);
    }
    assert_eq!(bmc.changes(), [r#"{"SecureBootEnable":true}"#]);
    let state = secure_boot.state().await.unwrap();
    assert_eq!(state, Some(SecureBootState::On));
}

#[tokio::test]
async fn what_the_firmware_takes_over_later_is_not_said_to_hold() {
    let settings = "/redfish/v1/Systems/1/SecureBoot/Settings";
    let mut oddities = with_secure_boot(false, &json!({}));
    oddities.resources[0].1["@Redfish.Settings"] =
        json!({"SettingsObject": {"@odata.id": settings}});
    oddities.resources.push((settings, json!({})));
    let (bmc, hardware) = machine(oddities).await;
    let secure_boot = hardware.secure_boot.as_deref().unwrap();
    let set = secure_boot.set_state(SecureBootState::On).await.unwrap();
    assert_eq!(set, TakesEffect::AtNextBoot);
    assert_eq!(bmc.resource(settings)["SecureBootEnable"], true);
    bmc.change(SECURE_BOOT, &json!({"SecureBootEnable": true}));
    let set = secure_boot.set_state(SecureBootState::On).await.unwrap();
    assert_eq!(set, TakesEffect::Now);
}

#[tokio::test]
async fn there_is_none_without_uefi() {
    let legacy = json!({"Boot": {"BootSourceOverrideMode": "Legacy"}});
    let (bmc, hardware) = machine(with_secure_boot(false, &legacy)).await;
    let secure_boot = hardware.secure_boot.as_deref().unwrap();
    let error = secure_boot
        .set_state(SecureBootState::On)
        .await
        .unwrap_err();
    let sentence =
        "does not offer secure boot in the boot mode bios; it offers it in the boot mode uefi";
    assert!(error.to_string().ends_with(sentence), "{error}");
    assert_eq!(bmc.changes(), Vec::<String>::new());
    let off = secure_boot.set_state(SecureBootState::Off).await.unwrap();
    assert_eq!(off, TakesEffect::Now);
}
