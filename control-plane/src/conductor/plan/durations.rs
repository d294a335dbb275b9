//! How long steps took before, from the events that tell when they began and ended.

use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::{NodeId, RunId};
use ferric_model::step::StepId;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Seconds of each step, as often as it was seen to begin and to end.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Durations {
    seconds: BTreeMap<StepId, Vec<u64>>,
    /// Of the last mark of each transfer.
    bytes_per_second: Vec<u64>,
}

/// What is known of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Estimate {
    pub(super) seconds: u64,
    pub(super) samples: usize,
}

impl Durations {
    /// From events in their order; a step that is begun again counts from its first begin.
    pub(super) fn of<'a>(events: impl IntoIterator<Item = &'a TimelineEvent>) -> Self {
        let mut begun: BTreeMap<(NodeId, RunId, StepId), Timestamp> = BTreeMap::new();
        let mut rates: BTreeMap<(NodeId, RunId), u64> = BTreeMap::new();
        let mut durations = Self::default();
        for event in events {
            let Some(run) = event.run else { continue };
            match &event.what {
                What::StepStarted { step, .. } => {
                    begun
                        .entry((event.node, run, step.clone()))
                        .or_insert(event.at);
                }
                What::StepDone { step, .. } => {
                    let Some(at) = begun.remove(&(event.node, run, step.clone())) else {
                        continue;
                    };
                    let took = u64::try_from(event.at.duration_since(at).as_secs()).unwrap_or(0);
                    durations
                        .seconds
                        .entry(step.clone())
                        .or_default()
                        .push(took);
                }
                What::Progress {
                    bytes_per_second, ..
                } if *bytes_per_second > 0 => {
                    rates.insert((event.node, run), *bytes_per_second);
                }
                _ => {}
            }
        }
        durations.bytes_per_second = rates.into_values().collect();
        durations
    }

    /// The median.
    pub(super) fn step(&self, step: &StepId) -> Option<Estimate> {
        let all = self.seconds.get(step)?;
        Some(Estimate {
            seconds: median(all)?,
            samples: all.len(),
        })
    }

    /// For so many bytes, at the median of the rates.
    pub(super) fn transfer(&self, bytes: u64) -> Option<Estimate> {
        let rate = median(&self.bytes_per_second)?;
        Some(Estimate {
            seconds: bytes.div_ceil(rate.max(1)),
            samples: self.bytes_per_second.len(),
        })
    }
}

fn median(all: &[u64]) -> Option<u64> {
    let mut sorted = all.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}
