//! The firmware of a machine's network adapters. Many BMCs show it only while the machine is on.

use std::collections::BTreeSet;

use serde_json::Value;

use super::System;
use super::resource::Resource;
use crate::{BmcError, FirmwareComponent};

/// How many adapters are looked at.
const ADAPTERS: usize = 64;

impl System {
    /// One component an adapter whose firmware is told.
    pub(super) async fn adapters(
        &self,
        system: &Resource,
    ) -> Result<Vec<FirmwareComponent>, BmcError> {
        let Some(chassis) = system.link("/Links/Chassis/0") else {
            return Ok(Vec::new());
        };
        let chassis = self.bmc.get(chassis).await?;
        let Some(adapters) = chassis.link("/NetworkAdapters") else {
            return Ok(Vec::new());
        };
        let members = self.bmc.get(adapters).await?.members();
        let (mut found, mut names) = (Vec::new(), BTreeSet::new());
        for path in members.iter().take(ADAPTERS) {
            let adapter = component(&self.bmc.get(path).await?);
            let is_new = |one: &FirmwareComponent| names.insert(one.component.clone());
            found.extend(adapter.filter(is_new));
        }
        Ok(found)
    }
}

/// By its serial number, which stays with it when it is put into another slot, and where there is none by its id.
fn component(adapter: &Resource) -> Option<FirmwareComponent> {
    let controllers = adapter.value("/Controllers")?.as_array()?;
    let version = |controller: &Value| {
        let version = controller.get("FirmwarePackageVersion")?.as_str()?;
        (!version.is_empty()).then(|| version.to_owned())
    };
    let version = controllers.iter().find_map(version)?;
    let text = |pointer: &str| {
        let text = adapter.text(pointer).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let serial_number = text("/SerialNumber");
    let id = serial_number.clone().or_else(|| text("/Id"))?;
    Some(FirmwareComponent {
        component: format!("nic:{id}"),
        version,
        vendor: text("/Manufacturer"),
        model: text("/Model"),
        serial_number,
    })
}
