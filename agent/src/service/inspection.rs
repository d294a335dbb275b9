//! Collects what is to be known of the machine and sends it. Nothing here keeps the agent from going on.

use std::error::Error;
use std::sync::Arc;

use ferric_agent_protocol::inspection::InspectionData;
use uuid::Uuid;

use crate::conductor::send_inspection;
use crate::config::Settings;
use crate::host::Host;
use crate::inspection::collect;
use crate::managers::Managers;
use crate::network::wait_for_address;

/// Sends inspection data if there is an address for them; answers which node they belong to, where that was said.
pub(super) async fn introduce(
    settings: &Settings,
    host: &Host,
    managers: &Arc<Managers>,
) -> Option<Uuid> {
    let inspection = &settings.inspection;
    if inspection.callback_urls.is_empty() {
        return None;
    }
    let all = inspection.dhcp_all_interfaces;
    wait_for_address(inspection.dhcp_wait, settings.bootif.as_deref(), all).await;
    let data = collect_on_thread(settings, host, managers).await;
    match send_inspection(&settings.api, inspection, &data).await {
        Ok(node) => {
            tracing::info!("the conductor has taken the inspection data");
            node
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn Error,
                "inspection failed; the agent goes on all the same"
            );
            None
        }
    }
}

async fn collect_on_thread(
    settings: &Settings,
    host: &Host,
    managers: &Arc<Managers>,
) -> InspectionData {
    let (settings, host, managers) = (settings.clone(), host.clone(), Arc::clone(managers));
    let collecting = tokio::task::spawn_blocking(move || collect(&settings, &host, managers));
    let collected = collecting.await;
    collected.unwrap_or_else(|error| InspectionData {
        error: Some(format!("collecting inspection data: {error}")),
        ..InspectionData::default()
    })
}
