//! Lights of systems, chassis and drives: how they are named, read and switched.

use serde_json::{Value, json};

use super::machine;
use super::oddities::{Oddities, Reply};
use crate::{BmcError, Component, Indicator, IndicatorState, Switchable};

const CHASSIS: &str = "/redfish/v1/Chassis/1";
const DRIVE: &str = "/redfish/v1/Chassis/1/Drives/7";

fn link(path: &str) -> Value {
    json!({"@odata.id": path})
}

/// A system with the older property, a chassis with both, a drive with the newer one, and a drive and a chassis without.
fn oddities() -> Oddities {
    let storage = "/redfish/v1/Systems/1/Storage";
    let controller = "/redfish/v1/Systems/1/Storage/RAID";
    Oddities {
        system: json!({
            "UUID": "u-1", "IndicatorLED": "Off", "Storage": link(storage),
            "Links": {"Chassis": [link(CHASSIS), link("/redfish/v1/Chassis/dark"), link("/redfish/v1/Chassis/gone")]},
        }),
        resources: vec![
            (
                CHASSIS,
                json!({"Id": "Self", "IndicatorLED": "Lit", "LocationIndicatorActive": true}),
            ),
            ("/redfish/v1/Chassis/dark", json!({"Id": "dark"})),
            (storage, json!({"Members": [link(controller)]})),
            (
                controller,
                json!({"Drives": [link(DRIVE), link("/redfish/v1/Chassis/1/Drives/8")]}),
            ),
            (
                DRIVE,
                json!({"Id": "bay-7", "LocationIndicatorActive": false}),
            ),
            ("/redfish/v1/Chassis/1/Drives/8", json!({"Id": "bay-8"})),
        ],
        ..Oddities::default()
    }
}

fn light(component: Component, name: &str, states: &[IndicatorState]) -> Indicator {
    Indicator {
        component,
        name: name.to_owned(),
        switchable: Switchable::Yes,
        states: states.to_vec(),
    }
}

#[tokio::test]
async fn lights_are_found_where_there_are_some() {
    use IndicatorState::{Blinking, Off, On};
    let (_bmc, hardware) = machine(oddities()).await;
    let lights = hardware.indicators.as_deref().unwrap();
    let expected = [
        light(Component::Chassis, "Self", &[Blinking, Off, On]),
        light(Component::System, "u-1", &[Blinking, Off, On]),
        light(Component::Disk, "RAID:bay-7", &[Off, On]),
    ];
    assert_eq!(lights.list().await.unwrap(), expected);
    for (light, state) in expected.iter().zip([On, Off, Off]) {
        let found = lights.get(light.component, &light.name).await.unwrap();
        assert_eq!(found, state, "{light:?}");
    }
}

#[tokio::test]
async fn lights_are_switched_by_the_property_that_the_bmc_has() {
    use IndicatorState::{Blinking, On};
    let (bmc, hardware) = machine(oddities()).await;
    let lights = hardware.indicators.as_deref().unwrap();
    lights
        .set(Component::System, "u-1", Blinking)
        .await
        .unwrap();
    lights.set(Component::Disk, "RAID:bay-7", On).await.unwrap();
    let changes = [
        r#"{"IndicatorLED":"Blinking"}"#,
        r#"{"LocationIndicatorActive":true}"#,
    ];
    assert_eq!(bmc.changes(), changes);
    let found = lights.get(Component::System, "u-1").await.unwrap();
    assert_eq!(found, Blinking);
    assert_eq!(bmc.resource(DRIVE)["LocationIndicatorActive"], true);
}

#[tokio::test]
async fn a_bmc_that_only_shows_the_older_property_is_told_by_the_newer_one() {
    let (bmc, hardware) = machine(Oddities {
        effect: |_, call| {
            let is_older = call.method == "PATCH" && call.body.get("IndicatorLED").is_some();
            is_older.then(|| Reply::new(400))
        },
        ..oddities()
    })
    .await;
    let lights = hardware.indicators.as_deref().unwrap();
    let set = lights
        .set(Component::Chassis, "Self", IndicatorState::Off)
        .await;
    set.unwrap();
    assert_eq!(bmc.resource(CHASSIS)["LocationIndicatorActive"], false);
    let refused = lights
        .set(Component::System, "u-1", IndicatorState::On)
        .await;
    assert!(
        matches!(refused, Err(BmcError::Refused { status: 400, .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_there_is_not_is_refused_with_what_there_is() {
    let (bmc, hardware) = machine(oddities()).await;
    let lights = hardware.indicators.as_deref().unwrap();
    for (component, name, offered) in [
        (Component::System, "u-2", "it offers u-1@system"),
        (Component::Chassis, "dark", "it offers Self@chassis"),
        (Component::Nic, "u-1", "it offers none of this component"),
    ] {
        let error = lights.get(component, name).await.unwrap_err().to_string();
        assert!(error.ends_with(offered), "{error}");
    }
    for (component, name, state) in [
        (Component::Disk, "RAID:bay-7", IndicatorState::Blinking),
        (Component::System, "u-1", IndicatorState::Unknown),
    ] {
        let error = lights.set(component, name, state).await.unwrap_err();
        assert!(matches!(error, BmcError::NotOffered { .. }), "{error}");
        assert!(error.to_string().contains(state.name()), "{error}");
    }
    assert_eq!(bmc.changes(), Vec::<String>::new());
}
