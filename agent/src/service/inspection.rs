//! Collects what is to be known of the machine and sends it. Nothing here keeps the agent from going on.

use std::error::Error;

use ferric_agent_protocol::hints::{DiskFacts, smallest_disk};
use ferric_agent_protocol::inspection::{Configuration, InspectionData, Manager};

use crate::commands::{MANAGER, MANAGER_VERSION, log_bundle, sentence};
use crate::conductor::{Conductor, Introduction, send_inspection};
use crate::config::Settings;
use crate::host::Host;
use crate::inventory;
use crate::network::{boot_interface, mac_of_bootif, wait_for_address};

/// Sends inspection data if there is an address for them.
pub(super) async fn introduce(
    settings: &Settings,
    host: &Host,
    conductor: &Conductor,
) -> Option<Introduction> {
    let inspection = &settings.inspection;
    if inspection.callback_urls.is_empty() {
        return None;
    }
    let all = inspection.dhcp_all_interfaces;
    wait_for_address(inspection.dhcp_wait, settings.bootif.as_deref(), all).await;
    let data = collect_on_thread(settings, host).await;
    match send_inspection(conductor, &settings.api, inspection, &data).await {
        Ok(introduction) => {
            tracing::info!("the conductor has taken the inspection data");
            Some(introduction)
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

/// Each collector adds its part; what one cannot find out is told, and the others go on.
fn collect(settings: &Settings, host: &Host) -> InspectionData {
    let mut data = InspectionData::default();
    let mut errors = Vec::new();
    let collectors = &settings.inspection.collectors;
    for name in collectors {
        let collected = match name.as_str() {
            "default" => collect_inventory(settings, host, &mut data),
            "logs" => collect_logs(&mut data),
            "pci-devices" => {
                data.pci_devices = Some(inventory::pci_devices());
                Ok(())
            }
            _ => Err("this agent has no such collector".to_owned()),
        };
        errors.extend(collected.err().map(|error| format!("* {name}: {error}")));
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
    let inventory = inventory::collect(host, bootif).map_err(|error| sentence(&error))?;
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

fn collect_logs(data: &mut InspectionData) -> Result<(), String> {
    data.logs = Some(log_bundle().map_err(|error| sentence(&error))?);
    Ok(())
}

fn configuration(collectors: &[String]) -> Configuration {
    Configuration {
        collectors: collectors.to_vec(),
        managers: vec![Manager {
            name: MANAGER.to_owned(),
            version: MANAGER_VERSION.to_owned(),
        }],
    }
}
