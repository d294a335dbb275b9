//! The steps in order, with how long each may take.

use super::durations::{Durations, Estimate};
use crate::conductor::flows;
use ferric_model::node::AgentOffers;
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
    /// Who says that there is such a step: `conductor`, `driver`, `request` (also that of a deploy template), or
    /// `agent, as of <time>`.
    pub source: String,
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
/// `told`: what is known of the agent's.
pub(super) fn planned(
    steps: &[Step],
    history: &History,
    written: Option<u64>,
    told: Option<&AgentOffers>,
) -> Vec<PlannedStep> {
    let planned = steps.iter().enumerate().map(|(index, step)| {
        let found = estimate(step, history, written);
        PlannedStep {
            number: index + 1,
            step: step.id.to_string(),
            priority: step.priority,
            by: step.by,
            source: source(step, told),
            estimated_seconds: found.map(|(estimate, _)| estimate.seconds),
            from: found.map(|(_, source)| source),
            samples: found.map_or(0, |(estimate, _)| estimate.samples),
        }
    });
    planned.collect()
}

fn source(step: &Step, told: Option<&AgentOffers>) -> String {
    match (step.by, told) {
        (Performer::Conductor, _) => "conductor".to_owned(),
        (Performer::Driver, _) => "driver".to_owned(),
        (Performer::Agent, Some(told)) if told.has(&step.id) => {
            format!("agent, as of {}", told.as_of)
        }
        (Performer::Agent, _) if flows::is_write_image(&step.id) => "conductor".to_owned(),
        (Performer::Agent | Performer::Reserved, _) => "request".to_owned(),
    }
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
