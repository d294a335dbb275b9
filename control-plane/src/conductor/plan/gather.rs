//! The facts that a plan is made of: from the store, from the settings, and of the image from its server.

use super::durations::Durations;
use super::steps::{self, History};
use super::{
    Finding, Level, Plan, PlanRequest, agents, boot, disk, driver, image, place, room, state, text,
};
use crate::boot::ImagePreview;
use crate::conductor::Conductor;
use crate::conductor::flows::is_real;
use crate::conductor::requests::RequestError;
use crate::conductor::steps::chain;
use crate::conductor::validation;
use ferric_model::event::TimelineEvent;
use ferric_model::ids::NodeId;
use ferric_model::inventory::StoredInventory;
use ferric_model::node::Node;
use ferric_model::run::Activity;
use ferric_model::state::ProvisionState;
use ferric_model::verb::Verb;
use ferric_store::{EventFilter, FieldValue, Key, Query, StoreError, Table};
use serde_json::json;
use std::time::Duration;

/// For everything that is asked of the image's server.
const IMAGE_LIMIT: Duration = Duration::from_secs(20);
/// Events of the node, and the newest of all, whose durations are looked at.
const EVENTS: usize = 5000;

impl Conductor {
    /// What a deploy would do. Neither writes nor asks a BMC or a machine.
    pub async fn plan(&self, id: NodeId, request: PlanRequest) -> Result<Plan, RequestError> {
        let mut node = self.node(id).await?;
        node.instance_info.extend(request.instance_info);
        let activity = match request.verb {
            Verb::Rebuild => Activity::Rebuild,
            _ => Activity::Deploy,
        };
        let ports = self.ports_of(id).await?;
        let mut findings = state(&node, request.verb);
        findings.push(self.room_to_deploy(&node).await?);
        findings.extend(driver(&node, &validation::of_node(self, &node, &ports)));
        let mut written = None;
        if is_real(&node, activity) {
            findings.push(boot(&node, self.boot().ramdisk_sources(&node)));
            let inventory = self.inventory_of(id).await?;
            let chosen = disk::choose(&node, inventory.as_ref());
            findings.extend(chosen.findings);
            let preview = self.preview_image(&node).await;
            findings.extend(image::findings(&preview, chosen.disk.as_ref()));
            written = preview.ok().and_then(|image| image.size_bytes);
        }
        let composed = self.deploy_steps(&node, activity, &request.steps).await;
        let steps = match composed {
            Ok(composed) => {
                let offers = self.offers(&node, activity)?;
                let settings = &self.settings().steps;
                let foreseen = agents::foresee(&node, activity, composed, &offers, settings);
                findings.extend(foreseen.findings);
                let (history, told) = (self.history(id).await?, node.agent_offers.as_ref());
                steps::planned(&foreseen.steps, &history, written, told)
            }
            Err(error @ RequestError::Internal { .. }) => return Err(error),
            Err(error) => {
                findings.push(Finding::error("steps", error.to_string(), json!({})));
                Vec::new()
            }
        };
        findings.extend(place(&node, self.host()));
        let estimated_seconds = steps::sum(&steps);
        let levels = findings.iter().map(|finding| finding.level);
        Ok(Plan {
            node: id,
            name: node.name.clone(),
            target: request.verb.name(),
            verdict: levels.max().unwrap_or(Level::Ok),
            text: text(&node, &findings, estimated_seconds),
            findings,
            steps,
            estimated_seconds,
            conductor: self.host().to_owned(),
        })
    }

    async fn room_to_deploy(&self, node: &Node) -> Result<Finding, StoreError> {
        let settings = &self.settings().conductor;
        let states = [ProvisionState::Deploying, ProvisionState::DeployWait];
        let states = states.map(|state| FieldValue::Text(state.name().to_owned()));
        let mut query = Query::all(Table::Node).filter("provision_state", states.to_vec());
        if settings.max_concurrent_per_conductor_group {
            let group = FieldValue::Text(node.conductor_group.clone());
            query = query.filter("conductor_group", vec![group]);
        }
        query.limit = settings.max_concurrent_deploy;
        let deploying = self.store().outlines(&query).await?.len();
        Ok(room(deploying, settings.max_concurrent_deploy))
    }

    async fn inventory_of(&self, id: NodeId) -> Result<Option<StoredInventory>, StoreError> {
        let record = self.store().get(&Key::new(Table::Inventory, id)).await?;
        record.map(|record| record.decode()).transpose()
    }

    async fn preview_image(&self, node: &Node) -> Result<ImagePreview, String> {
        let preview = self.boot().preview_image(node);
        match tokio::time::timeout(IMAGE_LIMIT, preview).await {
            Ok(preview) => preview.map_err(|error| chain(&error)),
            Err(_elapsed) => Err(format!(
                "its server did not answer within {} s",
                IMAGE_LIMIT.as_secs()
            )),
        }
    }

    async fn history(&self, id: NodeId) -> Result<History, StoreError> {
        let newest = self.store().newest_event().await?;
        let reach = u64::try_from(EVENTS).unwrap_or(u64::MAX);
        let own = EventFilter {
            node: Some(id),
            after: 0,
            limit: EVENTS,
        };
        let all = EventFilter {
            node: None,
            after: newest.saturating_sub(reach),
            limit: EVENTS,
        };
        let events = async |filter| -> Result<Vec<TimelineEvent>, StoreError> {
            let stored = self.store().events(&filter).await?.into_iter();
            Ok(stored.map(|stored| stored.event).collect())
        };
        Ok(History {
            own: Durations::of(&events(own).await?),
            all: Durations::of(&events(all).await?),
        })
    }
}
