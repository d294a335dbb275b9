//! Takes nodes out of maintenance again once their BMC answers.

use super::power_sync::{FAULT, read};
use super::{Declaration, NodePeriodic, Visit, Visited};
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_model::event::What;
use ferric_model::node::Node;
use ferric_store::FieldValue;
use jiff::Timestamp;

pub(super) struct PowerRecovery;

#[async_trait]
impl NodePeriodic for PowerRecovery {
    fn declaration(&self, settings: &Settings) -> Declaration {
        Declaration {
            purpose: "recovering from a power failure",
            spacing: seconds(settings.conductor.power_recovery_interval_s),
            filters: vec![("fault", FieldValue::Text(FAULT.to_owned()))],
            limit: None,
            width: settings.conductor.periodic_concurrency,
        }
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        node.maintenance && node.fault.as_deref() == Some(FAULT)
    }

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        let Ok(found) = read(&visit.conductor, &visit.node).await else {
            return Ok(Visited::Nothing);
        };
        let Some(mut task) = visit.lock().await? else {
            return Ok(Visited::Nothing);
        };
        let text = "the BMC answers again: out of maintenance".to_owned();
        let change = task.change().event(What::Note { text }).with(|node| {
            node.power_state = found;
            node.power_sync_failures = 0;
            if node.last_error == node.maintenance_reason {
                node.last_error = None;
            }
            node.maintenance = false;
            node.maintenance_reason = None;
            node.fault = None;
        });
        task.save(change).await?;
        visit.conductor.hand_over(task);
        Ok(Visited::Acted)
    }
}
