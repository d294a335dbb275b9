//! BIOS, RAID and firmware of a fake machine: done at once, or by a task where `fake_async_steps_s` says so.

use async_trait::async_trait;
use parking_lot::MappedMutexGuard;
use serde_json::{Map, Value, json};

use super::FakeMachine;
use super::hardware_task::{Effect, Parts, SecureBootPart, bios_values};
use crate::{
    Bios, BiosAttribute, BiosSetting, BmcError, Firmware, FirmwareComponent, FirmwareImage,
    LogicalDisk, Progress, Raid, Restart, SensorKind, SensorReading, Sensors, Started, VolumeSize,
};

/// What `MAX` comes to.
const DISK_GIB: u64 = 100;

#[async_trait]
impl Bios for FakeMachine {
    async fn settings(&self) -> Result<Map<String, Value>, BmcError> {
        self.request("reading BIOS settings").await?;
        Ok(self.parts().bios.clone())
    }

    async fn described_settings(&self) -> Result<Vec<BiosSetting>, BmcError> {
        let parts = self.list().await?;
        let described = |(name, value): (&String, &Value)| BiosSetting {
            name: name.clone(),
            value: value.clone(),
            attribute: bios_values(name).map(enumeration),
        };
        Ok(parts.bios.iter().map(described).collect())
    }

    async fn apply_configuration(&self, settings: Map<String, Value>) -> Result<Started, BmcError> {
        self.request("writing BIOS settings").await?;
        let mut parts = self.parts();
        if let Some(name) = settings.keys().find(|name| !parts.bios.contains_key(*name)) {
            return Err(BmcError::NotOffered {
                address: self.address(),
                wanted: format!("BIOS setting '{name}'"),
                offered: parts.bios.keys().cloned().collect(),
            });
        }
        let holds = |(name, value): (&String, &Value)| parts.bios.get(name) == Some(value);
        if settings.iter().all(holds) {
            return Ok(Started::Done);
        }
        Ok(parts.begin(Effect::BiosApply(settings), Restart::Needed))
    }

    async fn factory_reset(&self) -> Result<Started, BmcError> {
        self.request("resetting BIOS settings").await?;
        Ok(self.parts().begin(Effect::BiosReset, Restart::Needed))
    }

    async fn poll(&self, record: &Value) -> Result<Progress, BmcError> {
        self.request("polling a BIOS task").await?;
        Ok(self.parts().poll(record))
    }
}

impl FakeMachine {
    /// From now on the lists of settings and firmware cannot be read, for this cause; `None`: they can.
    pub fn break_lists(&self, cause: Option<&str>) {
        self.parts().unreadable = cause.map(str::to_owned);
    }

    /// From now on the machine shows neither settings nor firmware.
    pub fn empty_lists(&self) {
        let mut parts = self.parts();
        parts.bios.clear();
        parts.firmware.clear();
    }

    /// From now on the machine is one without secure boot.
    pub fn lose_secure_boot(&self) {
        self.parts().secure_boot = SecureBootPart::None;
    }

    /// From now on switching secure boot fails, in these words.
    pub fn jam_secure_boot(&self, cause: &str) {
        self.parts().secure_boot = SecureBootPart::Jammed(cause.to_owned());
    }

    /// From now on secure boot can be switched.
    pub fn mend_secure_boot(&self) {
        self.parts().secure_boot = SecureBootPart::Works;
    }

    /// What the lists are made of.
    async fn list(&self) -> Result<MappedMutexGuard<'_, Parts>, BmcError> {
        self.glance().await;
        let parts = self.parts();
        match &parts.unreadable {
            None => Ok(parts),
            Some(cause) => Err(BmcError::Fake {
                address: self.address(),
                problem: cause.clone(),
            }),
        }
    }
}

fn enumeration(values: &[&str]) -> BiosAttribute {
    BiosAttribute {
        attribute_type: Some("Enumeration".to_owned()),
        allowable_values: Some(values.iter().map(|value| (*value).to_owned()).collect()),
        read_only: Some(false),
        reset_required: Some(true),
        ..BiosAttribute::default()
    }
}

#[async_trait]
impl Sensors for FakeMachine {
    async fn read(&self) -> Result<Vec<SensorReading>, BmcError> {
        self.request("reading sensors").await?;
        Ok(vec![SensorReading {
            kind: SensorKind::Temperature,
            name: "fake/inlet".to_owned(),
            value: Some(20.0),
            health: Some("OK".to_owned()),
        }])
    }
}

#[async_trait]
impl Raid for FakeMachine {
    async fn logical_disks(&self) -> Result<Vec<Value>, BmcError> {
        self.request("reading volumes").await?;
        Ok(self.parts().volumes.clone())
    }

    async fn create(&self, wanted: Vec<LogicalDisk>) -> Result<Started, BmcError> {
        self.request("creating volumes").await?;
        let mut parts = self.parts();
        let wanted = wanted.iter().map(volume);
        let missing: Vec<_> = wanted
            .filter(|volume| {
                let same = |there: &Value| there["name"] == volume["name"];
                !parts.volumes.iter().any(same)
            })
            .collect();
        if missing.is_empty() {
            return Ok(Started::Done);
        }
        Ok(parts.begin(Effect::RaidCreate(missing), Restart::NotNeeded))
    }

    async fn delete_all(&self) -> Result<Started, BmcError> {
        self.request("deleting volumes").await?;
        let mut parts = self.parts();
        if parts.volumes.is_empty() {
            return Ok(Started::Done);
        }
        Ok(parts.begin(Effect::RaidDelete, Restart::NotNeeded))
    }

    async fn poll(&self, record: &Value) -> Result<Progress, BmcError> {
        self.request("polling a RAID task").await?;
        Ok(self.parts().poll(record))
    }
}

fn volume(disk: &LogicalDisk) -> Value {
    let size = match disk.size {
        VolumeSize::Gib(size) => size,
        VolumeSize::Max => DISK_GIB,
    };
    json!({
        "name": disk.volume_name,
        "controller": "fake",
        "size_gb": size,
        "raid_level": disk.raid_level,
    })
}

#[async_trait]
impl Firmware for FakeMachine {
    async fn components(&self) -> Result<Vec<FirmwareComponent>, BmcError> {
        let parts = self.list().await?;
        let component = |(component, version): (&String, &String)| FirmwareComponent {
            component: component.clone(),
            version: version.clone(),
            vendor: None,
            model: (component == "bmc").then(|| "Fake BMC".to_owned()),
            serial_number: None,
        };
        Ok(parts.firmware.iter().map(component).collect())
    }

    async fn update(&self, image: FirmwareImage) -> Result<Started, BmcError> {
        self.request("updating firmware").await?;
        let mut parts = self.parts();
        let Some(runs) = parts.firmware.get(&image.component) else {
            return Err(BmcError::NotOffered {
                address: self.address(),
                wanted: format!("firmware component '{}'", image.component),
                offered: parts.firmware.keys().cloned().collect(),
            });
        };
        // The file's name is the version.
        let version = image.url.rsplit('/').next().unwrap_or_default();
        if runs == version {
            return Ok(Started::Done);
        }
        let restart = match image.component.as_str() {
            "bmc" => Restart::NotNeeded,
            _ => Restart::Needed,
        };
        let effect = Effect::FirmwareUpdate(image.component, version.to_owned());
        Ok(parts.begin(effect, restart))
    }

    async fn poll(&self, record: &Value) -> Result<Progress, BmcError> {
        self.request("polling a firmware task").await?;
        Ok(self.parts().poll(record))
    }
}
