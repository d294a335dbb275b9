//! Boot device and boot mode by the boot override of a system, read back after each change.

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};
use tracing::warn;

use super::System;
use super::patch::{is_about_body, patch};
use super::quirks;
use super::resource::Resource;
use crate::{BmcError, BootDevice, BootMode, BootSetting, Management, Persistence, TakesEffect};

const TARGET: &str = "BootSourceOverrideTarget";
const ENABLED: &str = "BootSourceOverrideEnabled";
const MODE: &str = "BootSourceOverrideMode";

/// Redfish's names of the devices; several may mean one device, the first is the one that is set.
const TARGETS: &[(BootDevice, &str)] = &[
    (BootDevice::Pxe, "Pxe"),
    (BootDevice::Disk, "Hdd"),
    (BootDevice::Cdrom, "Cd"),
    (BootDevice::Cdrom, "UsbCd"),
    (BootDevice::Bios, "BiosSetup"),
    (BootDevice::Floppy, "Floppy"),
    (BootDevice::Uefihttp, "UefiHttp"),
];

#[async_trait]
impl Management for System {
    async fn boot_device(&self) -> Result<BootSetting, BmcError> {
        let system = self.read().await?;
        Ok(setting(&self.boot_resource(&system).await?))
    }

    async fn set_boot_device(
        &self,
        device: BootDevice,
        persistence: Persistence,
        mode: Option<BootMode>,
    ) -> Result<BootSetting, BmcError> {
        let system = self.read().await?;
        let resource = self.boot_resource(&system).await?;
        let target = self.target(&system, device)?;
        let wanted = Wanted {
            target,
            persistence,
            mode: mode.filter(|mode| shown_mode(&resource).is_some_and(|shown| shown != *mode)),
        };
        self.patch_first_taken(&resource, &wanted.bodies(&system, &resource))
            .await?;
        self.read_back(&resource.path, target).await
    }

    async fn supported_boot_devices(&self) -> Result<Vec<BootDevice>, BmcError> {
        let system = self.read().await?;
        let offered = offered(&system, TARGET);
        let is_offered = |target: &str| {
            offered
                .as_ref()
                .is_none_or(|offered| offered.iter().any(|offered| offered == target))
        };
        let mut devices: Vec<_> = TARGETS
            .iter()
            .filter(|(_, target)| is_offered(target))
            .map(|(device, _)| *device)
            .collect();
        devices.dedup();
        Ok(devices)
    }

    async fn boot_mode(&self) -> Result<Option<BootMode>, BmcError> {
        Ok(shown_mode(&self.read().await?))
    }

    async fn set_boot_mode(&self, mode: BootMode) -> Result<TakesEffect, BmcError> {
        let system = self.read().await?;
        let resource = self.boot_resource(&system).await?;
        let (holds, is_set) = (shown_mode(&system), shown_mode(&resource));
        if is_set.or(holds) == Some(mode) {
            return Ok(takes_effect(holds.or(is_set), mode));
        }
        let alone = json!({MODE: mode_name(mode)});
        // Some BMCs take the mode only together with the rest.
        let whole = json!({
            MODE: mode_name(mode),
            TARGET: resource.text("/Boot/BootSourceOverrideTarget").unwrap_or("None"),
            ENABLED: resource.text("/Boot/BootSourceOverrideEnabled").unwrap_or("Disabled"),
        });
        self.patch_first_taken(&resource, &[alone, whole]).await?;
        // What is not shown cannot be waited for.
        Ok(match holds {
            None => TakesEffect::Now,
            Some(_) => takes_effect(shown_mode(&self.read().await?), mode),
        })
    }

    async fn inject_nmi(&self) -> Result<(), BmcError> {
        self.send_nmi().await
    }
}

impl System {
    /// Where the boot override is set: the settings resource, where the system has one that holds it.
    async fn boot_resource(&self, system: &Resource) -> Result<Resource, BmcError> {
        if let Some(path) = system.link("/@Redfish.Settings/SettingsObject") {
            let settings = self.bmc.get(path).await;
            if let Ok(settings) = settings.inspect_err(
                |error| warn!(bmc = self.bmc.name(), %error, "the settings resource is unusable"),
            ) && settings.value("/Boot/BootSourceOverrideTarget").is_some()
            {
                return Ok(settings);
            }
        }
        Ok(system.clone())
    }

    /// Redfish's name of a device at this machine.
    fn target(&self, system: &Resource, device: BootDevice) -> Result<&'static str, BmcError> {
        let offered = offered(system, TARGET);
        let is_offered = |target: &&str| {
            offered
                .as_ref()
                .is_none_or(|offered| offered.iter().any(|offered| offered == target))
        };
        let names = TARGETS
            .iter()
            .filter(|(named, _)| *named == device)
            .map(|(_, target)| *target);
        let found = quirks::boot_target(system, device)
            .into_iter()
            .chain(names)
            .find(is_offered);
        found.ok_or_else(|| BmcError::NotOffered {
            address: self.bmc.name().to_owned(),
            wanted: format!("boot device '{}'", device.name()),
            offered: offered.unwrap_or_else(|| {
                TARGETS
                    .iter()
                    .map(|(_, target)| (*target).to_owned())
                    .collect()
            }),
        })
    }

    /// Sends one body after the other until the BMC takes one; the last refusal is the answer.
    async fn patch_first_taken(
        &self,
        resource: &Resource,
        bodies: &[Value],
    ) -> Result<(), BmcError> {
        let mut refused = Ok(());
        for body in bodies {
            match patch(&self.bmc, resource, &json!({"Boot": body})).await {
                Err(error) if is_about_body(&error) => {
                    warn!(bmc = self.bmc.name(), %body, %error, "the BMC does not take this boot setting");
                    refused = Err(error);
                }
                other => return other,
            }
        }
        refused
    }

    /// Looks until the BMC shows the target, and that it counts; some take a moment.
    async fn read_back(&self, path: &str, target: &str) -> Result<BootSetting, BmcError> {
        let deadline = Instant::now() + self.bmc.settings().boot_device_timeout;
        loop {
            let resource = self.bmc.get(path).await?;
            let shown = resource
                .text("/Boot/BootSourceOverrideTarget")
                .unwrap_or("nothing");
            let is_off = resource.text("/Boot/BootSourceOverrideEnabled") == Some("Disabled");
            if shown == target && !is_off {
                return Ok(setting(&resource));
            }
            if Instant::now() >= deadline {
                let shown = if shown == target {
                    "it disabled"
                } else {
                    shown
                };
                return Err(self.not_taken(target, shown));
            }
            sleep(self.bmc.settings().poll_interval).await;
        }
    }

    fn not_taken(&self, wanted: &str, shown: &str) -> BmcError {
        BmcError::BootNotTaken {
            address: self.bmc.name().to_owned(),
            wanted: wanted.to_owned(),
            shown: shown.to_owned(),
        }
    }
}

/// A boot override to set.
struct Wanted {
    target: &'static str,
    persistence: Persistence,
    /// Only where it differs from what the BMC shows.
    mode: Option<BootMode>,
}

impl Wanted {
    /// The ways to say it, best first: with the mode; without, for BMCs that refuse it; without the persistence, for
    /// BMCs that refuse the value that they already have; and for one boot, for BMCs that know no other.
    fn bodies(&self, system: &Resource, resource: &Resource) -> Vec<Value> {
        let knows_continuous = offered(system, ENABLED)
            .is_none_or(|offered| offered.iter().any(|offered| offered == "Continuous"));
        let enabled = match self.persistence {
            Persistence::Continuous if knows_continuous => "Continuous",
            Persistence::Continuous | Persistence::Once => "Once",
        };
        let mode = self.mode.map(mode_name);
        let mut bodies = vec![
            self.body(resource, Some(enabled), mode),
            self.body(resource, Some(enabled), None),
        ];
        if resource.text("/Boot/BootSourceOverrideEnabled") == Some(enabled) {
            bodies.push(self.body(resource, None, None));
        }
        bodies.push(self.body(resource, Some("Once"), mode));
        bodies.push(self.body(resource, Some("Once"), None));
        let mut seen = Vec::new();
        bodies.retain(|body| {
            !seen.contains(body) && {
                seen.push(body.clone());
                true
            }
        });
        bodies
    }

    fn body(&self, resource: &Resource, enabled: Option<&str>, mode: Option<&str>) -> Value {
        let mut body = Map::new();
        body.insert(TARGET.to_owned(), json!(self.target));
        if let Some(enabled) = enabled {
            body.insert(ENABLED.to_owned(), json!(enabled));
        }
        if let Some(mode) = mode {
            body.insert(MODE.to_owned(), json!(mode));
        }
        // A URI of an earlier boot would win over what DHCP says.
        if self.target == "UefiHttp" && resource.value("/Boot/HttpBootUri").is_some() {
            body.insert("HttpBootUri".to_owned(), Value::Null);
        }
        Value::Object(body)
    }
}

/// The values that the BMC lists for a property of `Boot`; `None`: it lists none.
fn offered(system: &Resource, property: &str) -> Option<Vec<String>> {
    system.texts(&format!("/Boot/{property}@Redfish.AllowableValues"))
}

fn setting(resource: &Resource) -> BootSetting {
    let persistence = match resource.text("/Boot/BootSourceOverrideEnabled") {
        Some("Once") => Some(Persistence::Once),
        Some("Continuous") => Some(Persistence::Continuous),
        // Disabled: the target is only what was set last.
        Some(_) => return BootSetting::default(),
        None => None,
    };
    let target = resource
        .text("/Boot/BootSourceOverrideTarget")
        .unwrap_or("None");
    let device = TARGETS
        .iter()
        .find(|(_, name)| *name == target)
        .map(|(device, _)| *device);
    BootSetting {
        device,
        persistence,
    }
}

/// Some firmwares take a mode over when the machine starts, and the BMC shows the old one until then, or none.
fn takes_effect(shown: Option<BootMode>, wanted: BootMode) -> TakesEffect {
    if shown == Some(wanted) {
        TakesEffect::Now
    } else {
        TakesEffect::AtNextBoot
    }
}

pub(super) fn shown_mode(resource: &Resource) -> Option<BootMode> {
    match resource.text("/Boot/BootSourceOverrideMode")? {
        "UEFI" => Some(BootMode::Uefi),
        "Legacy" => Some(BootMode::Bios),
        _ => None,
    }
}

fn mode_name(mode: BootMode) -> &'static str {
    match mode {
        BootMode::Uefi => "UEFI",
        BootMode::Bios => "Legacy",
    }
}
