//! The BMC's clock: whose it is, what is read and what is set.

use serde_json::{Value, json};

use super::machine;
use super::oddities::Oddities;
use crate::{BmcClock, BmcError, ClockReading, Hardware};

const MANAGER: &str = "/redfish/v1/Managers/BMC";

fn clock(hardware: &Hardware) -> &dyn BmcClock {
    hardware.clock.as_deref().unwrap()
}

fn with_manager(system: Value) -> Oddities {
    Oddities {
        system,
        resources: vec![
            (
                "/redfish/v1/Managers",
                json!({"Members": [{"@odata.id": MANAGER}]}),
            ),
            (
                MANAGER,
                json!({"DateTime": "2026-01-31T12:00:00+00:00", "DateTimeLocalOffset": "+00:00"}),
            ),
        ],
        ..Oddities::default()
    }
}

#[tokio::test]
async fn the_clock_of_the_manager_is_read_and_set() {
    let named = json!({"Links": {"ManagedBy": [{"@odata.id": MANAGER}]}});
    for system in [named, json!({})] {
        let (bmc, hardware) = machine(with_manager(system)).await;
        let reading = clock(&hardware).read().await.unwrap();
        assert_eq!(reading.datetime, "2026-01-31T12:00:00+00:00");
        assert_eq!(reading.local_offset.as_deref(), Some("+00:00"));
        let datetime = "2027-02-01T00:00:00+00:00".to_owned();
        let wanted = ClockReading {
            datetime,
            local_offset: None,
        };
        clock(&hardware).set(wanted.clone()).await.unwrap();
        assert_eq!(
            bmc.changes(),
            [r#"{"DateTime":"2027-02-01T00:00:00+00:00"}"#]
        );
        let reading = clock(&hardware).read().await.unwrap();
        assert_eq!(reading.datetime, wanted.datetime);
        let offset = ClockReading {
            local_offset: Some("+01:00".to_owned()),
            ..wanted
        };
        clock(&hardware).set(offset).await.unwrap();
        assert_eq!(bmc.resource(MANAGER)["DateTimeLocalOffset"], "+01:00");
    }
}

#[tokio::test]
async fn a_manager_without_a_clock_says_so() {
    let mut oddities = with_manager(json!({}));
    oddities.resources[1].1 = json!({"Id": "BMC"});
    let (_bmc, hardware) = machine(oddities).await;
    let error = clock(&hardware).read().await.unwrap_err();
    assert!(matches!(error, BmcError::Answer { .. }), "{error}");
    assert!(error.to_string().contains("no DateTime"), "{error}");
}
