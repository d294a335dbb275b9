//! Sensors: `Thermal` and `Power` of the system's chassis, and the drives of its storage.

use async_trait::async_trait;
use serde_json::Value;

use super::System;
use super::resource::Resource;
use crate::{BmcError, SensorKind, SensorReading, Sensors};

/// Chassis, storage controllers and drives that are looked at; a BMC that lists more is not believed.
const MOST: usize = 64;

#[async_trait]
impl Sensors for System {
    async fn read(&self) -> Result<Vec<SensorReading>, BmcError> {
        let system = System::read(self).await?;
        let mut readings = Vec::new();
        for path in links(system.value("/Links/Chassis")) {
            let Some(chassis) = self.if_there(&path).await? else {
                continue;
            };
            for part in ["/Thermal", "/Power"] {
                if let Some(path) = chassis.link(part)
                    && let Some(resource) = self.if_there(path).await?
                {
                    readings.extend(of_chassis(last(&chassis.path), &resource));
                }
            }
        }
        self.read_drives(&system, &mut readings).await?;
        Ok(readings)
    }
}

impl System {
    async fn read_drives(
        &self,
        system: &Resource,
        readings: &mut Vec<SensorReading>,
    ) -> Result<(), BmcError> {
        for controller in self.storage_controllers(system).await? {
            for path in links(controller.value("/Drives")) {
                let Some(drive) = self.if_there(&path).await? else {
                    continue;
                };
                let own = drive.text("/Name").unwrap_or(last(&drive.path));
                readings.push(SensorReading {
                    kind: SensorKind::Drive,
                    name: format!("{}/{own}", last(&controller.path)),
                    value: None,
                    health: drive.text("/Status/Health").map(str::to_owned),
                });
            }
        }
        Ok(())
    }

    /// The storage controllers that can be read.
    pub(super) async fn storage_controllers(
        &self,
        system: &Resource,
    ) -> Result<Vec<Resource>, BmcError> {
        let Some(path) = system.link("/Storage") else {
            return Ok(Vec::new());
        };
        let Some(collection) = self.if_there(path).await? else {
            return Ok(Vec::new());
        };
        let mut controllers = Vec::new();
        for path in collection.members().into_iter().take(MOST) {
            controllers.extend(self.if_there(&path).await?);
        }
        Ok(controllers)
    }

    /// Many a BMC links to what it does not have, or fails at: the other parts are worth something without.
    pub(super) async fn if_there(&self, path: &str) -> Result<Option<Resource>, BmcError> {
        match self.bmc.get(path).await {
            Ok(resource) => Ok(Some(resource)),
            Err(error @ BmcError::Refused { .. }) => {
                tracing::debug!(%error, "a part of the machine is left out");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// What an entry of a list is about.
type Kind = fn(&Value) -> SensorKind;

/// What stands in the lists of a `Thermal` or a `Power` resource.
fn of_chassis(chassis: &str, resource: &Resource) -> Vec<SensorReading> {
    let lists: [(&str, &str, Kind); 4] = [
        ("/Temperatures", "ReadingCelsius", |_| {
            SensorKind::Temperature
        }),
        ("/Fans", "Reading", fan),
        ("/PowerControl", "PowerConsumedWatts", |_| SensorKind::Power),
        ("/PowerSupplies", "LastPowerOutputWatts", |_| {
            SensorKind::Power
        }),
    ];
    let mut readings = Vec::new();
    for (list, key, kind) in lists {
        let entries = resource.value(list).and_then(Value::as_array);
        for entry in entries.into_iter().flatten().take(MOST) {
            if text(entry, "/Status/State") == Some("Absent") {
                continue;
            }
            let own = ["/Name", "/FanName", "/MemberId"]
                .into_iter()
                .find_map(|key| text(entry, key));
            readings.push(SensorReading {
                kind: kind(entry),
                name: format!("{chassis}/{}", own.unwrap_or("?")),
                value: entry.get(key).and_then(Value::as_f64),
                health: text(entry, "/Status/Health").map(str::to_owned),
            });
        }
    }
    readings
}

fn fan(entry: &Value) -> SensorKind {
    match text(entry, "/ReadingUnits") {
        Some("Percent") => SensorKind::FanPercent,
        _ => SensorKind::FanSpeed,
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}

/// The places that a list of links names.
pub(super) fn links(list: Option<&Value>) -> Vec<String> {
    let entries = list.and_then(Value::as_array).into_iter().flatten();
    let link = |entry: &Value| Some(entry.get("@odata.id")?.as_str()?.to_owned());
    entries.filter_map(link).take(MOST).collect()
}

fn last(path: &str) -> &str {
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(path)
}
