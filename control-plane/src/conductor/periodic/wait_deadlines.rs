//! Ends waits whose deadline has passed, whatever was waited for.

use super::{Declaration, NodePeriodic, Visit, Visited};
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_model::node::Node;
use ferric_store::FieldValue;
use jiff::Timestamp;

pub(super) struct WaitDeadlines;

#[async_trait]
impl NodePeriodic for WaitDeadlines {
    fn declaration(&self, settings: &Settings) -> Declaration {
        Declaration {
            purpose: "ending waits",
            spacing: seconds(settings.conductor.wait_check_interval_s),
            filters: vec![
                ("running", FieldValue::Bool(true)),
                ("maintenance", FieldValue::Bool(false)),
            ],
            limit: None,
            width: settings.conductor.periodic_concurrency,
        }
    }

    fn wants(&self, node: &Node, now: Timestamp) -> bool {
        let wait = node.run.as_ref().and_then(|run| run.wait.as_ref());
        wait.and_then(|wait| wait.deadline)
            .is_some_and(|deadline| deadline <= now)
    }

    /// The engine sees the deadline itself.
    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        visit.conductor.nudge(visit.node.uuid);
        Ok(Visited::Acted)
    }
}
