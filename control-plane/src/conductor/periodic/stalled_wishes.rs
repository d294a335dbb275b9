//! Takes up power actions on which nobody works, because their end could not be stored.

use super::{Access, Declaration, NodePeriodic, Seen, Visit, Visited};
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_model::node::Node;
use ferric_store::FieldValue;
use jiff::Timestamp;

pub(super) struct StalledWishes;

#[async_trait]
impl NodePeriodic for StalledWishes {
    fn declaration(&self, settings: &Settings) -> Declaration {
        Declaration {
            filters: vec![
                ("reserved", vec![FieldValue::Bool(true)]),
                ("running", vec![FieldValue::Bool(false)]),
            ],
            extra_fields: &["target_power_state"],
            access: Access::Exclusive,
            ..Declaration::new(
                "taking up stalled power actions",
                seconds(settings.conductor.wait_check_interval_s),
                settings.conductor.periodic_concurrency,
            )
        }
    }

    fn predicate(&self, seen: &Seen<'_>, _now: Timestamp) -> bool {
        seen.text("target_power_state").is_some()
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        node.target_power_state.is_some() && node.run.is_none()
    }

    /// Whoever works on one holds its lock.
    async fn visit(&self, mut visit: Visit<'_>) -> Result<Visited, TaskError> {
        let Some(task) = visit.lock().await? else {
            return Ok(Visited::Nothing);
        };
        visit.conductor.take_up_wish(task);
        Ok(Visited::Acted)
    }
}
