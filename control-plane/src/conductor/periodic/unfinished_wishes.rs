//! Takes up what was asked of a machine and is not done: its end could not be stored, or the node was on its way.

use super::{Access, Declaration, NodePeriodic, Visit, Visited};
use crate::conductor::node_task::TaskError;
use crate::conductor::wishes::may_be_done;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_model::node::Node;
use ferric_store::FieldValue;
use jiff::Timestamp;

pub(super) struct UnfinishedWishes;

#[async_trait]
impl NodePeriodic for UnfinishedWishes {
    fn declaration(&self, settings: &Settings) -> Declaration {
        Declaration {
            filters: vec![("upkeep", vec![FieldValue::Text("wish".to_owned())])],
            access: Access::Exclusive,
            ..Declaration::new(
                "taking up what was asked of machines",
                seconds(settings.conductor.wait_check_interval_s),
                settings.conductor.periodic_concurrency,
            )
        }
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        may_be_done(node)
    }

    /// Whoever works on one holds its lock.
    async fn visit(&self, mut visit: Visit<'_>) -> Result<Visited, TaskError> {
        let Some(task) = visit.lock().await? else {
            return Ok(Visited::Nothing);
        };
        visit.conductor.take_up(task);
        Ok(Visited::Acted)
    }
}
