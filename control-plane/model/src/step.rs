//! Steps as data: what is to be done, in which order, and how to find out after a crash whether it was.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::fmt;

/// `deploy.write_image`: what identifies a step within a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepId {
    pub interface: String,
    pub step: String,
}

impl StepId {
    pub fn new(interface: &str, step: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            step: step.to_owned(),
        }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.interface, self.step)
    }
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    #[serde(flatten)]
    pub id: StepId,
    pub priority: u32,
    pub args: Map<String, Value>,
    pub by: Performer,
    pub abortable: bool,
    pub recovery: Recovery,
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Performer {
    Conductor,
    Agent,
}

/// What a conductor does that finds the step started and does not know its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Doing it twice is the same as doing it once.
    RunAgain,
    /// The agent's command list says whether it was started and how it ended; not in the list means not started.
    AskAgent,
    /// It must not be done twice and nobody can tell: the run fails with that cause.
    Fail,
}

/// Deploy and clean steps: highest priority first; ties by interface (vendor, power, management, firmware, deploy, bios, raid), then by name.
pub fn order(steps: &mut [Step]) {
    steps.sort_by(|left, right| key(left).cmp(&key(right)));
}

fn key(step: &Step) -> (Reverse<u32>, Reverse<u32>, &str) {
    (
        Reverse(step.priority),
        Reverse(interface_rank(&step.id.interface)),
        &step.id.step,
    )
}

fn interface_rank(interface: &str) -> u32 {
    match interface {
        "network" => 8,
        "vendor" => 7,
        "power" => 6,
        "management" => 5,
        "firmware" => 4,
        "deploy" => 3,
        "bios" => 2,
        "raid" => 1,
        _ => 0,
    }
}
