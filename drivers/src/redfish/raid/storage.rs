//! The storage subsystems of a system as its BMC shows them: controllers with their drives and volumes.

use serde_json::{Value, json};

use super::super::System;
use super::super::resource::Resource;
use super::level::Level;
use crate::{BmcError, Restart};

pub(super) const GIB: u64 = 1 << 30;

/// A storage subsystem that can have volumes.
#[derive(Clone, Debug)]
pub(super) struct Controller {
    /// Every name by which an operator may mean it.
    pub(super) names: Vec<String>,
    /// The collection of its volumes.
    pub(super) volumes_path: String,
    /// When the BMC makes or deletes a volume, where it says so.
    pub(super) apply_times: Vec<String>,
    pub(super) drives: Vec<Drive>,
    pub(super) volumes: Vec<Volume>,
}

impl Controller {
    /// When it is to be asked to act, if it lets one choose, and whether it does so only when the machine starts.
    pub(super) fn acts(&self) -> (Option<&'static str>, Restart) {
        let has = |time: &str| self.apply_times.iter().any(|known| known == time);
        if has("Immediate") {
            (Some("Immediate"), Restart::NotNeeded)
        } else if has("OnReset") {
            (Some("OnReset"), Restart::Needed)
        } else {
            (None, Restart::NotNeeded)
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Drive {
    pub(super) path: String,
    pub(super) names: Vec<String>,
    pub(super) capacity_bytes: u64,
    /// Ironic's word for it.
    pub(super) disk_type: Option<String>,
    /// Ironic's word for it.
    pub(super) interface_type: Option<String>,
    pub(super) is_used: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Volume {
    pub(super) path: String,
    pub(super) name: String,
    id: String,
    controller: String,
    capacity_bytes: u64,
    level: &'static Level,
    drives: Vec<String>,
}

impl Volume {
    /// In the words of `raid_config`.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "controller": self.controller,
            "size_gb": self.capacity_bytes / GIB,
            "raid_level": self.level.name,
        })
    }
}

impl System {
    pub(super) async fn controllers(&self) -> Result<Vec<Controller>, BmcError> {
        let system = System::read(self).await?;
        let Some(path) = system.link("/Storage") else {
            return Ok(Vec::new());
        };
        let mut controllers = Vec::new();
        for path in self.bmc.get(path).await?.members() {
            let storage = self.bmc.get(&path).await?;
            if let Some(volumes) = storage.link("/Volumes") {
                let volumes = self.bmc.get(volumes).await?;
                controllers.push(self.controller(&storage, &volumes).await?);
            }
        }
        Ok(controllers)
    }

    async fn controller(
        &self,
        storage: &Resource,
        collection: &Resource,
    ) -> Result<Controller, BmcError> {
        let names = names(storage, &["/Id", "/Name", "/StorageControllers/0/Name"]);
        let id = names.first().cloned().unwrap_or_default();
        let mut volumes = Vec::new();
        for path in collection.members() {
            volumes.extend(volume(&self.bmc.get(&path).await?, &id));
        }
        let mut drives = Vec::new();
        for path in links(storage.value("/Drives")) {
            let drive = self.bmc.get(&path).await?;
            let in_volume = volumes.iter().any(|volume| volume.drives.contains(&path));
            drives.push(read_drive(&drive, in_volume));
        }
        let apply_times = collection
            .texts("/@Redfish.OperationApplyTimeSupport/SupportedValues")
            .unwrap_or_default();
        Ok(Controller {
            names,
            volumes_path: collection.path.clone(),
            apply_times,
            drives,
            volumes,
        })
    }
}

fn names(resource: &Resource, pointers: &[&str]) -> Vec<String> {
    let texts = pointers.iter().filter_map(|pointer| resource.text(pointer));
    texts.map(str::to_owned).collect()
}

fn links(list: Option<&Value>) -> Vec<String> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    let links = list.filter_map(|link| link.get("@odata.id")?.as_str());
    links.map(str::to_owned).collect()
}

/// A disk that is shown as a volume of its own has no level, and is none.
fn volume(resource: &Resource, controller: &str) -> Option<Volume> {
    let level = Level::of_redfish(resource.text("/RAIDType")?)?;
    let id = resource.text("/Id").unwrap_or_default();
    Some(Volume {
        path: resource.path.clone(),
        name: resource.text("/Name").unwrap_or(id).to_owned(),
        id: id.to_owned(),
        controller: controller.to_owned(),
        capacity_bytes: bytes(resource),
        level,
        drives: links(resource.value("/Links/Drives")),
    })
}

fn bytes(resource: &Resource) -> u64 {
    resource
        .value("/CapacityBytes")
        .and_then(Value::as_u64)
        .unwrap_or(0)
}

fn read_drive(drive: &Resource, in_volume: bool) -> Drive {
    let lower = |pointer: &str| drive.text(pointer).map(str::to_ascii_lowercase);
    let is_spare = drive
        .text("/HotspareType")
        .is_some_and(|kind| kind != "None");
    Drive {
        path: drive.path.clone(),
        names: names(drive, &["/Id", "/Name"]),
        capacity_bytes: bytes(drive),
        disk_type: lower("/MediaType"),
        interface_type: lower("/Protocol"),
        is_used: in_volume || is_spare,
    }
}
