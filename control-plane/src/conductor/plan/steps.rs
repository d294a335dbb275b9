//! The steps in order, with how long each may take.

use super::durations::{Durations, Estimate};
use ferric_model::step::{Performer, Step};
use serde::Serialize;

#[derive(Debug, PartialEq, Serialize)]
pub struct PlannedStep {
    /// From 1 on.
    pub number: usize,
    /// `deploy.write_image`
    pub step: String,
    pub priority: u32,
    pub by: Performer,
    pub estimated_seconds: Option<u64>,
    /// What the estimate is made of.
    pub from: Option<Source>,
    /// How many times the step was seen before.
    pub samples: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The median of this node's own runs.
    Node,
    /// The median of the newest runs of all nodes.
    AllNodes,
    /// The size of the image and the usual rate.
    ImageSize,
}

/// Durations of the node itself, and of all.
pub(super) struct History {
    pub(super) own: Durations,
    pub(super) all: Durations,
}

/// `written`: bytes that go over the network for the image.
pub(super) fn planned(steps: &[Step], history: &History, written: Option<u64>) -> Vec<PlannedStep> {
    let planned = steps.iter().enumerate().map(|(index, step)| {
        let found = estimate(step, history, written);
        PlannedStep {
            number: index + 1,
            step: step.id.to_string(),
            priority: step.priority,
            by: step.by,
            estimated_seconds: found.map(|(estimate, _)| estimate.seconds),
            from: found.map(|(_, source)| source),
            samples: found.map_or(0, |(estimate, _)| estimate.samples),
        }
    });
    planned.collect()
}

fn estimate(
    step: &Step,
    History { own, all }: &History,
    written: Option<u64>,
) -> Option<(Estimate, Source)> {
    if (step.id.interface.as_str(), step.id.step.as_str()) == ("deploy", "write_image")
        && let Some(bytes) = written
        && let Some(estimate) = own.transfer(bytes).or_else(|| all.transfer(bytes))
    {
        return Some((estimate, Source::ImageSize));
    }
    let own = own.step(&step.id).map(|estimate| (estimate, Source::Node));
    own.or_else(|| Some((all.step(&step.id)?, Source::AllNodes)))
}

/// Of all steps together, as far as they are known.
pub(super) fn sum(steps: &[PlannedStep]) -> Option<u64> {
    let known = steps.iter().filter_map(|step| step.estimated_seconds);
    known.reduce(u64::saturating_add)
}
