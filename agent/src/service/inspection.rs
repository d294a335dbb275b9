//! Collects what is to be known of the machine and sends it. Nothing here keeps the agent from going on.

use std::error::Error;

use ferric_agent_protocol::hints::{DiskFacts, smallest_disk};
use ferric_agent_protocol::inspection::{Configuration, InspectionData, Manager};
use uuid::Uuid;

use crate::commands::{MANAGER, MANAGER_VERSION, log_bundle, sentence};
use crate::conductor::send_inspection;
use crate::config::{Secret, Settings};
use crate::host::Host;
use crate::inventory::{self, BmcDetection};
use crate::network::{boot_interface, mac_of_bootif, wait_for_address};

/// Collectors of Ironic's agent that there are none of here.
const MISSING_COLLECTORS: [&str; 5] = [
    "numa-topology",
    "lldp",
    "dmi-decode",
    "usb-devices",
    "extra-hardware",
];

/// Sends inspection data if there is an address for them; answers which node they belong to, where that was said.
pub(super) async fn introduce(settings: &Settings, host: &Host) -> Option<Uuid> {
    let inspection = &settings.inspection;
    if inspection.callback_urls.is_empty() {
        return None;
    }
    let all = inspection.dhcp_all_interfaces;
    wait_for_address(inspection.dhcp_wait, settings.bootif.as_deref(), all).await;
    let data = collect_on_thread(settings, host).await;
    match send_inspection(&settings.api, inspection, &data).await {
        Ok(node) => {
            tracing::info!("the conductor has taken the inspection data");
            node
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn Error,
                "inspection failed; looking the node up all the same"
            );
            None
        }
    }
}

async fn collect_on_thread(settings: &Settings, host: &Host) -> InspectionData {
    let (settings, host) = (settings.clone(), host.clone());
    let collected = tokio::task::spawn_blocking(move || collect(&settings, &host)).await;
    collected.unwrap_or_else(|error| InspectionData {
        error: Some(format!("collecting inspection data: {error}")),
        ..InspectionData::default()
    })
}

/// Each collector adds its part. Ironic fails an inspection for whatever stands in `error`, so only a lack of the
/// inventory and a name that nobody knows get there.
fn collect(settings: &Settings, host: &Host) -> InspectionData {
    let mut data = InspectionData::default();
    let mut errors = Vec::new();
    let mut collectors = Vec::new();
    let token = settings.agent_token.as_ref().map(Secret::reveal);
    for name in &settings.inspection.collectors {
        if MISSING_COLLECTORS.contains(&name.as_str()) {
            tracing::warn!(
                collector = name,
                "this agent does not have a collector of Ironic's agent"
            );
            continue;
        }
        let collected = match name.as_str() {
            "default" => collect_inventory(settings, host, &mut data),
            "logs" => {
                data.logs = logs(log_bundle(token));
                Ok(())
            }
            "pci-devices" => {
                data.pci_devices = Some(inventory::pci_devices());
                Ok(())
            }
            _ => Err("this agent has no such collector".to_owned()),
        };
        errors.extend(collected.err().map(|error| format!("* {name}: {error}")));
        collectors.push(name.clone());
    }
    data.configuration = Some(configuration(collectors));
    data.error = (!errors.is_empty()).then(|| errors.join("\n"));
    data
}

fn collect_inventory(
    settings: &Settings,
    host: &Host,
    data: &mut InspectionData,
) -> Result<(), String> {
    let bootif = settings.bootif.as_deref();
    let detection = BmcDetection::unless(settings.skip_bmc_detect);
    let inventory =
        inventory::collect(host, bootif, detection).map_err(|error| sentence(&error))?;
    let disks: Vec<DiskFacts> = inventory
        .disks
        .iter()
        .cloned()
        .map(DiskFacts::from)
        .collect();
    data.root_disk = smallest_disk(&disks).map(|facts| facts.disk.clone());
    let known = bootif.and_then(|bootif| boot_interface(&inventory.interfaces, bootif));
    data.boot_interface = known
        .and_then(|interface| interface.mac_address.clone())
        .or_else(|| bootif.map(mac_of_bootif));
    data.inventory = Some(inventory);
    Ok(())
}

/// A machine is not refused because its logs are missing.
fn logs(bundle: std::io::Result<String>) -> Option<String> {
    let warn = |error: &std::io::Error| {
        tracing::warn!(error = error as &dyn Error, "collecting the logs");
    };
    bundle.inspect_err(warn).ok()
}

fn configuration(collectors: Vec<String>) -> Configuration {
    Configuration {
        collectors,
        managers: vec![Manager {
            name: MANAGER.to_owned(),
            version: MANAGER_VERSION.to_owned(),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_that_cannot_be_had_are_left_out() {
        assert_eq!(logs(Ok("text".to_owned())).as_deref(), Some("text"));
        assert_eq!(logs(Err(std::io::Error::other("full"))), None);
    }
}
