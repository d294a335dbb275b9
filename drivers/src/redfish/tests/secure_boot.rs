//! Secure boot keys: what is sent for each way to reset them.

use serde_json::json;

use super::machine;
use super::oddities::{Oddities, Reply};
use crate::{BmcError, KeysReset};

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
}
