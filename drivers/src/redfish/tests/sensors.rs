//! Sensors: which resources they are taken from, and what a BMC may leave out.

use serde_json::{Value, json};

use super::machine;
use super::oddities::{Fault, Oddities};
use crate::{Hardware, SensorKind, SensorReading};

async fn read(hardware: &Hardware) -> Vec<SensorReading> {
    hardware.sensors.as_deref().unwrap().read().await.unwrap()
}

fn link(path: &str) -> Value {
    json!({"@odata.id": path})
}

#[tokio::test]
async fn temperatures_fans_power_and_drives_are_read() {
    let thermal = json!({
        "Temperatures": [
            {"Name": "Inlet", "ReadingCelsius": 21.5, "Status": {"Health": "OK"}},
            {"Name": "CPU 2", "ReadingCelsius": null, "Status": {"State": "Absent"}},
        ],
        "Fans": [
            {"FanName": "Fan 1", "Reading": 4200, "ReadingUnits": "RPM", "Status": {"Health": "Warning"}},
            {"MemberId": "2", "Reading": 40, "ReadingUnits": "Percent"},
        ],
    });
    let power = json!({
        "PowerControl": [{"Name": "System", "PowerConsumedWatts": 344}],
        "PowerSupplies": [{"Name": "PSU 1", "LastPowerOutputWatts": 180, "Status": {"Health": "OK"}}],
    });
    let chassis = json!({"Thermal": link("/redfish/v1/Chassis/1U/Thermal"), "Power": link("/redfish/v1/Chassis/1U/Power")});
    let controller =
        json!({"Drives": [link("/redfish/v1/Drives/1"), link("/redfish/v1/Drives/gone")]});
    let (_bmc, hardware) = machine(Oddities {
        system: json!({
            "Links": {"Chassis": [link("/redfish/v1/Chassis/1U"), link("/redfish/v1/Chassis/gone")]},
            "Storage": link("/redfish/v1/Storage"),
        }),
        resources: vec![
            ("/redfish/v1/Chassis/1U", chassis),
            ("/redfish/v1/Chassis/1U/Thermal", thermal),
            ("/redfish/v1/Chassis/1U/Power", power),
            ("/redfish/v1/Storage", json!({"Members": [link("/redfish/v1/Storage/HBA")]})),
            ("/redfish/v1/Storage/HBA", controller),
            ("/redfish/v1/Drives/1", json!({"Name": "Bay 1", "Status": {"Health": "Critical"}})),
        ],
        ..Oddities::default()
    })
    .await;
    let reading = |kind, name: &str, value, health: Option<&str>| SensorReading {
        kind,
        name: name.to_owned(),
        value,
        health: health.map(str::to_owned),
    };
    let expected = [
        reading(SensorKind::Temperature, "1U/Inlet", Some(21.5), Some("OK")),
        reading(
            SensorKind::FanSpeed,
            "1U/Fan 1",
            Some(4200.0),
            Some("Warning"),
        ),
        reading(SensorKind::FanPercent, "1U/2", Some(40.0), None),
        reading(SensorKind::Power, "1U/System", Some(344.0), None),
        reading(SensorKind::Power, "1U/PSU 1", Some(180.0), Some("OK")),
        reading(SensorKind::Drive, "HBA/Bay 1", None, Some("Critical")),
    ];
    assert_eq!(read(&hardware).await, expected);
}

/// As sushy-tools' emulator does for machines without volumes.
#[tokio::test]
async fn what_a_bmc_fails_at_hides_no_other_sensor() {
    let thermal = json!({"Temperatures": [{"Name": "Inlet", "ReadingCelsius": 21}]});
    let (_bmc, hardware) = machine(Oddities {
        system: json!({
            "Links": {"Chassis": [link("/redfish/v1/Chassis/1U")]},
            "Storage": link("/redfish/v1/Storage"),
        }),
        resources: vec![
            (
                "/redfish/v1/Chassis/1U",
                json!({"Thermal": link("/redfish/v1/Chassis/1U/Thermal")}),
            ),
            ("/redfish/v1/Chassis/1U/Thermal", thermal),
        ],
        faults: vec![Fault::new("GET /redfish/v1/Storage", 1000, 500)],
        ..Oddities::default()
    })
    .await;
    let found: Vec<_> = read(&hardware).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].value, Some(21.0));
}

#[tokio::test]
async fn a_bmc_without_sensors_has_none() {
    let (_bmc, hardware) = machine(Oddities::default()).await;
    assert_eq!(read(&hardware).await, []);
}
