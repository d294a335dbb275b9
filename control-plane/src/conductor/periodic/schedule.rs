//! Which node of a job is visited when: how many visits there may be, in which lane, and what they came to.
//!
//! Visits that are still under way when the next pass begins go on beside it; their nodes are not visited twice.

use super::patience::{Lane, Patience, suspect_slots};
use super::visit::{self, Asked, Plan};
use super::{Declaration, NodePeriodic, Visited};
use crate::conductor::Conductor;
use ferric_model::ids::NodeId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// A node that a pass found. The most urgent come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) node: NodeId,
    pub(super) urgency: i64,
}

struct Ended {
    candidate: Candidate,
    lane: Lane,
    visited: Visited,
    /// How long the BMC was waited for, where it was.
    asked: Option<Duration>,
}

pub(super) struct Schedule {
    tasks: JoinSet<Ended>,
    under_way: BTreeMap<NodeId, Lane>,
    usual: VecDeque<Candidate>,
    suspects: VecDeque<Candidate>,
    patience: Patience,
    width: usize,
    limit: Option<usize>,
    /// In this pass.
    acted: usize,
}

impl Schedule {
    pub(super) fn new(width: usize, spacing: Duration) -> Self {
        Self {
            tasks: JoinSet::new(),
            under_way: BTreeMap::new(),
            usual: VecDeque::new(),
            suspects: VecDeque::new(),
            patience: Patience::new(spacing),
            width: width.max(1),
            limit: None,
            acted: 0,
        }
    }

    /// Whether no visit is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Whether the next pass may begin. Suspects take their time beside it.
    pub(super) fn pass_is_over(&self) -> bool {
        self.usual.is_empty()
    }

    pub(super) fn suspects(&self) -> usize {
        self.patience.suspects()
    }

    /// What a pass found takes the place of what is left of the last one.
    pub(super) fn begin_pass(&mut self, candidates: Vec<Candidate>, limit: Option<usize>) {
        let now = Instant::now();
        self.acted = 0;
        self.limit = limit;
        self.usual.clear();
        let found = candidates.iter().map(|candidate| candidate.node).collect();
        self.patience.keep(&found);
        let mut suspects = Vec::new();
        for candidate in candidates {
            if self.under_way.contains_key(&candidate.node) {
                continue;
            }
            match self.patience.lane(candidate.node, now) {
                Some((Lane::Usual, _)) => self.usual.push_back(candidate),
                Some((Lane::Suspect, due)) => suspects.push((candidate, due)),
                None => {}
            }
        }
        let by_urgency = |(candidate, _): &(Candidate, Instant)| -candidate.urgency;
        self.usual
            .make_contiguous()
            .sort_by_key(|candidate| (-candidate.urgency, scattered(candidate.node)));
        // Among equals those that have waited for longest.
        suspects.sort_by_key(|suspect| (by_urgency(suspect), suspect.1));
        self.suspects = suspects
            .into_iter()
            .map(|(candidate, _)| candidate)
            .collect();
    }

    /// Begins as many visits as there is room for.
    pub(super) fn start_some(
        &mut self,
        job: &Arc<dyn NodePeriodic>,
        conductor: &Conductor,
        declaration: &Declaration,
    ) {
        while let Some((lane, candidate)) = self.next() {
            self.under_way.insert(candidate.node, lane);
            let plan = Plan {
                purpose: declaration.purpose,
                access: declaration.access,
                lane,
                patience: self.patience.limit(lane),
            };
            // On the heap from the beginning: it is large, and handed on several times.
            let visiting = visit::run(job.clone(), conductor.clone(), candidate.node, plan);
            let visiting = Box::pin(visiting);
            self.tasks.spawn(async move {
                let Asked { visited, took } = visiting.await;
                Ended {
                    candidate,
                    lane,
                    visited,
                    asked: took,
                }
            });
        }
    }

    fn next(&mut self) -> Option<(Lane, Candidate)> {
        if self.limit.is_some_and(|limit| self.acted >= limit) {
            self.end_pass();
        }
        let might_act = self.acted + self.tasks.len();
        if self.tasks.len() >= self.width || self.limit.is_some_and(|limit| might_act >= limit) {
            return None;
        }
        let suspects = self.under_way.values();
        let suspects = suspects.filter(|lane| **lane == Lane::Suspect).count();
        if suspects < suspect_slots(self.width)
            && let Some(candidate) = self.suspects.pop_front()
        {
            return Some((Lane::Suspect, candidate));
        }
        let candidate = self.usual.pop_front()?;
        Some((Lane::Usual, candidate))
    }

    fn end_pass(&mut self) {
        self.usual.clear();
        self.suspects.clear();
    }

    /// Waits for the end of a visit. For a schedule that is not idle.
    pub(super) async fn one_ended(&mut self) -> Option<Visited> {
        let ended = self.tasks.join_next().await?;
        // Visits catch their panics, and nobody aborts them but the drop of this schedule.
        let ended = ended.ok()?;
        let node = ended.candidate.node;
        self.under_way.remove(&node);
        let now = Instant::now();
        match (ended.visited, ended.asked) {
            (Visited::Later, took) => {
                self.patience.suspect(node, took.unwrap_or_default(), now);
                self.suspects.push_back(ended.candidate);
            }
            (_, Some(took)) => self.patience.note(node, ended.lane, took, now),
            (_, None) => {}
        }
        match ended.visited {
            Visited::Acted => self.acted += 1,
            Visited::Stop => self.end_pass(),
            Visited::Nothing | Visited::Later => {}
        }
        Some(ended.visited)
    }
}

/// An order in which neighbours stand far apart. Nodes of one rack are enrolled together and hang together, when their
/// switch does: they are not to take all slots at once.
fn scattered(node: NodeId) -> u128 {
    const GOLDEN: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    node.0.as_u128().wrapping_mul(GOLDEN)
}
