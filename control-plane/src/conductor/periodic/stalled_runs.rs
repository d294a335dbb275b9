//! Takes up runs on which nobody works, for example because the store did not answer for a while.

use super::{Declaration, NodePeriodic, Visit, Visited};
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_model::node::Node;
use ferric_store::FieldValue;
use jiff::Timestamp;

pub(super) struct StalledRuns;

#[async_trait]
impl NodePeriodic for StalledRuns {
    fn declaration(&self, settings: &Settings) -> Declaration {
        Declaration {
            filters: vec![
                ("running", vec![FieldValue::Bool(true)]),
                ("waits_for", vec![FieldValue::Null]),
            ],
            ..Declaration::new(
                "taking up stalled runs",
                seconds(settings.conductor.wait_check_interval_s),
                settings.conductor.periodic_concurrency,
            )
        }
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        node.run.as_ref().is_some_and(|run| run.wait.is_none())
    }

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        if visit.conductor.is_driving(visit.node.uuid) {
            return Ok(Visited::Nothing);
        }
        visit.conductor.nudge(visit.node.uuid);
        Ok(Visited::Acted)
    }
}
