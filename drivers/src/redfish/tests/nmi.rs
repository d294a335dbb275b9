//! The non-maskable interrupt: sent as a reset, to BMCs that know it.

use serde_json::json;

use super::oddities::Oddities;
use super::{machine, management};
use crate::BmcError;

#[tokio::test]
async fn it_is_a_reset_of_its_own_type() {
    let reset =
        json!({"#ComputerSystem.Reset": {"ResetType@Redfish.AllowableValues": ["On", "Nmi"]}});
    let (bmc, hardware) = machine(Oddities {
        system: json!({"Actions": reset}),
        resets: |reset| (reset == "Nmi").then_some("Off"),
        ..Oddities::default()
    })
    .await;
    management(&hardware).inject_nmi().await.unwrap();
    assert_eq!(bmc.changes(), [r#"{"ResetType":"Nmi"}"#]);
}

#[tokio::test]
async fn a_bmc_without_it_is_not_asked() {
    let (bmc, hardware) = machine(Oddities::default()).await;
    let error = management(&hardware).inject_nmi().await.unwrap_err();
    assert!(matches!(error, BmcError::NotOffered { .. }), "{error}");
    assert!(error.to_string().contains("an NMI"), "{error}");
    assert_eq!(bmc.changes(), Vec::<String>::new());
}
