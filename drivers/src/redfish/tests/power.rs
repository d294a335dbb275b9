//! Power: which reset types are sent, and that the state is waited for.

use std::time::Duration;

use serde_json::{Value, json};

use super::fake_bmc::FakeBmc;
use super::oddities::{Fault, Oddities};
use super::{connect_with, drivers, info, machine, quick};
use crate::PowerAction::{self, Off, On, Reboot, SoftOff, SoftReboot};
use crate::{BmcError, OffAllowed, PowerState};

/// A machine in a state, whose BMC offers these reset types (null: it does not say).
fn offering(power: &str, types: &Value) -> Oddities {
    let system = json!({
        "PowerState": power,
        "Actions": {"#ComputerSystem.Reset": {"ResetType@Redfish.AllowableValues": types}},
    });
    Oddities {
        system,
        ..Oddities::default()
    }
}

#[tokio::test]
async fn each_action_sends_what_the_bmc_offers() {
    let usual = json!([
        "On",
        "ForceOff",
        "GracefulShutdown",
        "GracefulRestart",
        "ForceRestart"
    ]);
    let button = json!(["ForceOn", "ForceOff", "PushPowerButton"]);
    let no_off = json!(["ForceRestart", "GracefulRestart"]);
    let cycle = json!(["PowerCycle"]);
    let cases: [(&str, &Value, PowerAction, &[&str]); 17] = [
        ("Off", &usual, On, &["On"]),
        ("On", &usual, On, &[]),
        ("PoweringOff", &usual, On, &["On"]),
        ("On", &usual, Off, &["ForceOff"]),
        ("Off", &usual, Off, &[]),
        ("PoweringOff", &usual, Off, &["ForceOff"]),
        ("On", &usual, SoftOff, &["GracefulShutdown"]),
        ("On", &usual, Reboot, &["ForceOff", "On"]),
        ("Off", &usual, Reboot, &["On"]),
        ("On", &usual, SoftReboot, &["GracefulShutdown", "On"]),
        ("Off", &button, On, &["ForceOn"]),
        ("On", &button, SoftOff, &["PushPowerButton"]),
        ("On", &no_off, Reboot, &["ForceRestart"]),
        ("On", &no_off, SoftReboot, &["GracefulRestart"]),
        ("On", &cycle, Reboot, &["PowerCycle"]),
        ("Off", &Value::Null, On, &["On"]),
        ("On", &Value::Null, Reboot, &["ForceOff", "On"]),
    ];
    for (power, types, action, expected) in cases {
        let (bmc, hardware) = machine(offering(power, types)).await;
        hardware.power.set(action, None).await.unwrap();
        let expected: Vec<_> = expected
            .iter()
            .map(|reset| json!({"ResetType": reset}).to_string())
            .collect();
        assert_eq!(
            bmc.changes(),
            expected,
            "{action:?} from {power} with {types}"
        );
        assert_eq!(
            hardware.power.get().await.unwrap(),
            Some(action.leads_to()),
            "{action:?} from {power}"
        );
    }
}

#[tokio::test]
async fn a_machine_that_must_not_be_off_restarts_in_one() {
    let usual = json!(["On", "ForceOff", "GracefulShutdown", "ForceRestart"]);
    let cases: [(&str, &Value, PowerAction, Option<&[&str]>); 5] = [
        ("On", &usual, Reboot, Some(&["ForceRestart"])),
        ("Off", &usual, Reboot, Some(&["On"])),
        ("On", &Value::Null, SoftReboot, Some(&["GracefulRestart"])),
        ("On", &usual, SoftReboot, None),
        ("On", &json!(["On", "ForceOff"]), Reboot, None),
    ];
    for (power, types, action, expected) in cases {
        let bmc = FakeBmc::start(offering(power, types)).await;
        let hardware = connect_with(&drivers(quick()), &info(&bmc), OffAllowed::No);
        let set = hardware.power.set(action, None).await;
        let context = format!("{action:?} from {power} with {types}: {set:?}");
        let not_offered = matches!(set, Err(BmcError::NotOffered { .. }));
        assert_eq!(
            (set.is_ok(), not_offered),
            (expected.is_some(), expected.is_none()),
            "{context}"
        );
        let sent = expected.unwrap_or_default().iter();
        let sent: Vec<_> = sent
            .map(|reset| json!({"ResetType": reset}).to_string())
            .collect();
        assert_eq!(bmc.changes(), sent, "{context}");
    }
}

#[tokio::test]
async fn a_bound_beyond_all_time_is_a_bound() {
    for action in [On, Reboot, SoftOff] {
        let (_bmc, hardware) = machine(offering("On", &Value::Null)).await;
        let forever = Some(Duration::from_secs(u64::MAX));
        hardware.power.set(action, forever).await.unwrap();
    }
    let (_bmc, hardware) = machine(offering("On", &json!(["ForceRestart"]))).await;
    let forever = Some(Duration::MAX);
    hardware.power.set(Reboot, forever).await.unwrap();
}

#[tokio::test]
async fn what_is_not_offered_is_refused_with_what_is() {
    let (bmc, hardware) = machine(offering("On", &json!(["On", "ForceRestart"]))).await;
    let error = hardware.power.set(SoftOff, None).await.unwrap_err();
    let sentence = "does not offer 'soft power off' (GracefulShutdown or PushPowerButton); it offers On, ForceRestart";
    assert!(error.to_string().ends_with(sentence), "{error}");
    assert_eq!(bmc.changes(), Vec::<String>::new());
    assert_eq!(hardware.power.supported().await.unwrap(), [On, Reboot]);
}

#[tokio::test]
async fn the_offer_may_stand_in_a_resource_of_its_own() {
    let action = json!({"ResetType@Redfish.AllowableValues": null, "@Redfish.ActionInfo": "/redfish/v1/Systems/1/ResetActionInfo"});
    let info =
        json!({"Parameters": [{"Name": "ResetType", "AllowableValues": ["ForceOn", "ForceOff"]}]});
    let (bmc, hardware) = machine(Oddities {
        system: json!({"Actions": {"#ComputerSystem.Reset": action}}),
        resources: vec![("/redfish/v1/Systems/1/ResetActionInfo", info)],
        ..Oddities::default()
    })
    .await;
    hardware.power.set(On, None).await.unwrap();
    assert_eq!(bmc.changes(), [r#"{"ResetType":"ForceOn"}"#]);
}

#[tokio::test]
async fn a_system_without_actions_gets_the_usual_ones() {
    let (bmc, hardware) = machine(Oddities {
        system: json!({"Actions": null}),
        ..Oddities::default()
    })
    .await;
    hardware.power.set(On, None).await.unwrap();
    assert_eq!(bmc.power(), "On");
}

#[tokio::test]
async fn states_are_read_as_they_are_meant() {
    let cases = [
        (json!("On"), Some(PowerState::On)),
        (json!("PoweringOn"), Some(PowerState::On)),
        (json!("Off"), Some(PowerState::Off)),
        (json!("PoweringOff"), Some(PowerState::Off)),
        (json!("Paused"), None),
        (json!("Reset"), None),
        (json!(7), None),
        (Value::Null, None),
    ];
    for (said, expected) in cases {
        let (_bmc, hardware) = machine(Oddities {
            system: json!({"PowerState": said}),
            ..Oddities::default()
        })
        .await;
        assert_eq!(hardware.power.get().await.unwrap(), expected, "{said}");
    }
}

#[tokio::test]
async fn a_state_is_waited_for_within_the_callers_bound() {
    let (bmc, hardware) = machine(Oddities {
        lag: 20,
        ..Oddities::default()
    })
    .await;
    hardware.power.set(On, None).await.unwrap();
    assert_eq!(bmc.power(), "On");

    let (_bmc, hardware) = machine(Oddities {
        lag: 9999,
        ..Oddities::default()
    })
    .await;
    let error = hardware
        .power
        .set(On, Some(Duration::from_millis(50)))
        .await
        .unwrap_err();
    assert!(
        matches!(error, BmcError::PowerNotReached { .. }) && error.is_transient(),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("took 'power on', but"),
        "{error}"
    );
}

#[tokio::test]
async fn a_machine_that_got_there_by_itself_is_no_failure() {
    // Off at the first look, on at the second, and a reset meanwhile is refused.
    let first = Fault {
        body: json!({"PowerState": "Off"}).to_string(),
        ..Fault::new("GET /redfish/v1/Systems/1", 1, 200)
    };
    let (bmc, hardware) = machine(Oddities {
        faults: vec![first],
        resets: |_| None,
        ..offering("On", &Value::Null)
    })
    .await;
    hardware.power.set(On, None).await.unwrap();
    assert_eq!(bmc.changes(), [r#"{"ResetType":"On"}"#]);

    let (bmc, hardware) = machine(Oddities {
        resets: |_| None,
        ..Oddities::default()
    })
    .await;
    let error = hardware.power.set(On, None).await.unwrap_err();
    assert!(
        matches!(error, BmcError::Refused { status: 400, .. }),
        "{error:?}"
    );
    assert_eq!(bmc.changes().len(), 1);
}

#[tokio::test]
async fn a_busy_bmc_is_asked_again() {
    let (bmc, hardware) = machine(Oddities {
        faults: vec![Fault::new("POST", 3, 409)],
        ..Oddities::default()
    })
    .await;
    hardware.power.set(On, None).await.unwrap();
    assert_eq!(bmc.changes().len(), 4);
}

#[tokio::test]
async fn a_refused_reset_type_has_a_successor() {
    let refuses_on = |reset: &str| if reset == "ForceOn" { Some("On") } else { None };
    let mut oddities = offering("Off", &json!(["On", "ForceOn"]));
    oddities.resets = refuses_on;
    let (bmc, hardware) = machine(oddities).await;
    hardware.power.set(On, None).await.unwrap();
    assert_eq!(
        bmc.changes(),
        [r#"{"ResetType":"On"}"#, r#"{"ResetType":"ForceOn"}"#]
    );
}

#[tokio::test]
async fn a_bmc_may_drop_out_while_the_machine_restarts() {
    let faults = vec![
        Fault::slow("GET /redfish/v1/Systems/1", 1, Duration::ZERO),
        Fault::new("GET /redfish/v1/Systems/1", 12, 502),
    ];
    let (bmc, hardware) = machine(Oddities {
        faults,
        ..Oddities::default()
    })
    .await;
    hardware.power.set(On, None).await.unwrap();
    assert_eq!(bmc.power(), "On");
}
