//! What the passes of each job came to, for whoever asks: the gauges of the periodic jobs.

use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// A job as its last pass left it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobFigures {
    /// The name of the gauge of `nodes`, where the job declares one.
    pub node_count_metric: Option<&'static str>,
    /// Passes begun.
    pub passes: u64,
    /// Nodes that the last pass found.
    pub nodes: usize,
    /// Visits ended since the start.
    pub visits: u64,
    /// How many of these did something.
    pub acted: u64,
    /// Nodes whose BMC was too slow last.
    pub suspects: usize,
    /// From the beginning of the last whole pass until its last visit that was not a suspect's had begun.
    pub took: Duration,
}

/// By the purpose of the job.
#[derive(Debug, Default)]
pub(in crate::conductor) struct Figures(Mutex<BTreeMap<&'static str, JobFigures>>);

impl Figures {
    pub(super) fn change(&self, purpose: &'static str, change: impl FnOnce(&mut JobFigures)) {
        change(self.0.lock().entry(purpose).or_default());
    }

    pub(in crate::conductor) fn all(&self) -> BTreeMap<&'static str, JobFigures> {
        self.0.lock().clone()
    }
}
