//! Ends waits whose deadline has passed, whatever was waited for.

use super::{Declaration, NodePeriodic, Seen, Visit, Visited};
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
            filters: vec![
                ("running", vec![FieldValue::Bool(true)]),
                ("maintenance", vec![FieldValue::Bool(false)]),
            ],
            extra_fields: &["wait_deadline"],
            ..Declaration::new(
                "ending waits",
                seconds(settings.conductor.wait_check_interval_s),
                settings.conductor.periodic_concurrency,
            )
        }
    }

    fn predicate(&self, seen: &Seen<'_>, now: Timestamp) -> bool {
        let deadline = seen.integer("wait_deadline");
        deadline.is_some_and(|deadline| deadline <= now.as_microsecond())
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
