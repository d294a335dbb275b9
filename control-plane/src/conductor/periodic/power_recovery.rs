//! Takes nodes out of maintenance again once their BMC answers.

use super::power_sync::{FAULT, look};
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
            filters: vec![
                ("fault", vec![FieldValue::Text(FAULT.to_owned())]),
                ("maintenance", vec![FieldValue::Bool(true)]),
            ],
            node_count_metric: Some("power_failure_nodes"),
            ..Declaration::new(
                "recovering from a power failure",
                seconds(settings.conductor.power_recovery_interval_s),
                settings.conductor.power_sync_workers,
            )
        }
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        let is_failed = node.maintenance && node.fault.as_deref() == Some(FAULT);
        is_failed && node.wish.is_none()
    }

    async fn visit(&self, mut visit: Visit<'_>) -> Result<Visited, TaskError> {
        let found = match visit.ask(look(&visit.conductor, &visit.node)).await {
            Ok(Ok(found)) if found.power.is_some() => found.power,
            // A BMC that answers without knowing is not back yet.
            Ok(Ok(_) | Err(_)) => return Ok(Visited::Nothing),
            Err(slow) => return Ok(slow.visited()),
        };
        let Some(mut task) = visit.lock_unchanged().await? else {
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
