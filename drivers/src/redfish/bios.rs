//! BIOS settings by the `Bios` resource of a system and its settings object.
//!
//! What was written holds after a restart of the machine; then it is read back, and what the firmware did not take is
//! named. Whether it was written already is seen in the settings object.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tracing::info;

use super::System;
use super::exchange::Request;
use super::patch::patch;
use super::resource::Resource;
use crate::{Bios, BiosSetting, BmcError, Progress, Restart, Started};

/// How often settings are read back after a restart before they count as not taken: firmwares tell the BMC late.
const LOOKS: u64 = 10;
/// How many names an error repeats.
const NAMES: usize = 10;

#[async_trait]
impl Bios for System {
    async fn settings(&self) -> Result<Map<String, Value>, BmcError> {
        Ok(attributes(&self.bios().await?))
    }

    async fn described_settings(&self) -> Result<Vec<BiosSetting>, BmcError> {
        let bios = self.bios().await?;
        let registry = self.attributes(&bios).await.inspect_err(
            |error| info!(bmc = self.bmc.name(), %error, "the registry of BIOS settings is unusable"),
        );
        let mut registry = registry.unwrap_or_default();
        let settings = attributes(&bios).into_iter();
        let described = settings.map(|(name, value)| BiosSetting {
            attribute: registry.remove(&name),
            name,
            value,
        });
        Ok(described.collect())
    }

    async fn apply_configuration(&self, settings: Map<String, Value>) -> Result<Started, BmcError> {
        let bios = self.bios().await?;
        let shown = attributes(&bios);
        if let Some(name) = settings.keys().find(|name| !shown.contains_key(*name)) {
            return Err(self.unknown_setting(name, &shown));
        }
        if differing(&settings, &shown).is_empty() {
            return Ok(Started::Done);
        }
        let pending = self.pending(&bios).await?;
        let is_written = pending
            .as_ref()
            .is_some_and(|pending| differing(&settings, &attributes(pending)).is_empty());
        if !is_written {
            self.write(&bios, pending.as_ref().unwrap_or(&bios), &settings)
                .await?;
        }
        Ok(Started::Pending {
            record: json!({"settings": settings, "looks": 0}),
            restart: Restart::Needed,
        })
    }

    async fn factory_reset(&self) -> Result<Started, BmcError> {
        let bios = self.bios().await?;
        let default = format!("{}/Actions/Bios.ResetBios", bios.path);
        let target = bios.text("/Actions/#Bios.ResetBios/target");
        self.bmc
            .post(target.unwrap_or(&default), &json!({}))
            .await?;
        Ok(Started::Pending {
            record: json!({"factory_reset": true}),
            restart: Restart::Needed,
        })
    }

    async fn poll(&self, record: &Value) -> Result<Progress, BmcError> {
        let still = || Ok(Progress::Pending(record.clone()));
        if !has_started(&self.read().await?) {
            return still();
        }
        let Some(settings) = record.get("settings").and_then(Value::as_object) else {
            // A reset shows nothing by which it could be told apart; the firmware has started since.
            return Ok(Progress::Done);
        };
        let shown = attributes(&self.bios().await?);
        let differing = differing(settings, &shown);
        if differing.is_empty() {
            return Ok(Progress::Done);
        }
        let looks = record.get("looks").and_then(Value::as_u64).unwrap_or(0) + 1;
        if looks < LOOKS {
            let record = json!({"settings": settings, "looks": looks});
            return Ok(Progress::Pending(record));
        }
        let differing: Vec<_> = differing.into_iter().take(NAMES).collect();
        Ok(Progress::Failed(format!(
            "the machine has restarted, but its firmware did not take these BIOS settings: {}; look for their allowed \
             values and dependencies in the BMC's attribute registry",
            differing.join(", ")
        )))
    }
}

impl System {
    async fn bios(&self) -> Result<Resource, BmcError> {
        let system = self.read().await?;
        let Some(path) = system.link("/Bios") else {
            return Err(BmcError::NotOffered {
                address: self.bmc.name().to_owned(),
                wanted: "BIOS settings (the system has no Bios resource)".to_owned(),
                offered: vec!["what its other resources hold".to_owned()],
            });
        };
        let bios = self.bmc.get(path).await?;
        if bios.value("/Attributes").is_some_and(Value::is_object) {
            return Ok(bios);
        }
        Err(self
            .bmc
            .unusable(&Request::get(path), "it has no Attributes"))
    }

    /// The resource to which changes are written, where it is one of its own.
    async fn pending(&self, bios: &Resource) -> Result<Option<Resource>, BmcError> {
        match bios.link("/@Redfish.Settings/SettingsObject") {
            Some(path) => self.bmc.get(path).await.map(Some),
            None => Ok(None),
        }
    }

    async fn write(
        &self,
        bios: &Resource,
        target: &Resource,
        settings: &Map<String, Value>,
    ) -> Result<(), BmcError> {
        let mut body = json!({"Attributes": settings});
        let times = bios
            .texts("/@Redfish.Settings/SupportedApplyTimes")
            .unwrap_or_default();
        if times.iter().any(|time| time == "OnReset") {
            body["@Redfish.SettingsApplyTime"] = json!({
                "@odata.type": "#Settings.v1_0_0.PreferredApplyTime",
                "ApplyTime": "OnReset",
            });
        }
        patch(&self.bmc, target, &body).await
    }

    fn unknown_setting(&self, name: &str, shown: &Map<String, Value>) -> BmcError {
        let wanted = name.to_ascii_lowercase();
        let alike = |other: &&String| {
            let other = other.to_ascii_lowercase();
            other.contains(&wanted) || wanted.contains(&other)
        };
        let mut offered: Vec<String> = shown.keys().filter(alike).take(NAMES).cloned().collect();
        if offered.is_empty() {
            offered = shown.keys().take(NAMES).cloned().collect();
        }
        if offered.len() < shown.len() {
            offered.push(format!("... ({} in all)", shown.len()));
        }
        BmcError::NotOffered {
            address: self.bmc.name().to_owned(),
            wanted: format!("the BIOS setting '{name}'"),
            offered,
        }
    }
}

fn attributes(bios: &Resource) -> Map<String, Value> {
    let attributes = bios.value("/Attributes").and_then(Value::as_object);
    attributes.cloned().unwrap_or_default()
}

/// What is not as wanted, as `name=wanted (is shown)`.
fn differing(wanted: &Map<String, Value>, shown: &Map<String, Value>) -> Vec<String> {
    let differing = wanted.iter().filter_map(|(name, wanted)| {
        let shown = shown.get(name);
        if shown.is_some_and(|shown| same(wanted, shown)) {
            return None;
        }
        let shown = shown.map_or("nothing".to_owned(), Value::to_string);
        Some(format!("{name}={wanted} (is {shown})"))
    });
    differing.collect()
}

/// Clients write numbers and booleans as texts, as Ironic shows them.
fn same(wanted: &Value, shown: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    wanted == shown || text(wanted) == text(shown)
}

/// Whether the firmware has done its part since the machine was restarted, as far as the BMC says.
fn has_started(system: &Resource) -> bool {
    let is_on = system.text("/PowerState") == Some("On");
    let progress = system.text("/BootProgress/LastState");
    let is_over = match progress {
        Some("None") | None => true,
        Some(state) => matches!(
            state,
            "SystemHardwareInitializationComplete"
                | "SetupEntered"
                | "OSBootStarted"
                | "OSRunning"
                | "OEM"
        ),
    };
    is_on && is_over
}
