//! The visits of one job that are under way: how many there may be, and what they came to.

use super::{NodePeriodic, Visit, Visited, visit};
use crate::conductor::Conductor;
use crate::conductor::steps::chain;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::JoinSet;
use tracing::warn;

pub(super) struct Visits {
    tasks: JoinSet<(NodeId, Visited)>,
    under_way: BTreeSet<NodeId>,
    width: usize,
    /// In this pass.
    acted: usize,
    stopped: bool,
}

impl Visits {
    pub(super) fn new(width: usize) -> Self {
        Self {
            tasks: JoinSet::new(),
            under_way: BTreeSet::new(),
            width: width.max(1),
            acted: 0,
            stopped: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    pub(super) fn begin_pass(&mut self) {
        self.acted = 0;
        self.stopped = false;
    }

    /// Waits until one more visit may begin; `false` when there will be none in this pass.
    pub(super) async fn make_room(&mut self, limit: Option<usize>) -> bool {
        loop {
            if self.stopped || limit.is_some_and(|limit| self.acted >= limit) {
                return false;
            }
            let within_limit = limit.is_none_or(|limit| self.acted + self.tasks.len() < limit);
            if within_limit && self.tasks.len() < self.width {
                return true;
            }
            self.one_ended().await;
        }
    }

    /// A node that is still being visited is not visited twice.
    pub(super) fn start(
        &mut self,
        job: &Arc<dyn NodePeriodic>,
        conductor: &Conductor,
        node: Node,
        purpose: &'static str,
    ) {
        let id = node.uuid;
        if !self.under_way.insert(id) {
            return;
        }
        let (job, conductor) = (job.clone(), conductor.clone());
        self.tasks.spawn(async move {
            let visiting = Visit {
                conductor,
                node,
                job: job.as_ref(),
                purpose,
            };
            (id, visit(visiting).await)
        });
    }

    /// Waits for the end of a visit, if there is one. A panic is a fault of this job at that node only.
    pub(super) async fn one_ended(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok((node, visited))) => {
                self.under_way.remove(&node);
                self.acted += usize::from(visited == Visited::Acted);
                self.stopped |= visited == Visited::Stop;
            }
            Some(Err(error)) => {
                warn!(error = chain(&error), "a periodic visit panicked");
                // Whose it was is not known; at worst a node is visited twice at the same time.
                if self.tasks.is_empty() {
                    self.under_way.clear();
                }
            }
            None => {}
        }
    }
}
