//! One run of an activity on a node: its steps, how far it got, and what it waits for. This is the journal of design D2.
//!
//! The intent of a step is stored (`StepPhase::Started`) before its effect; after a crash `phase` and the step's
//! `Recovery` say what to do.

use crate::ids::RunId;
use crate::state::ProvisionState;
use crate::step::{Step, StepId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is being done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    Verify,
    Inspect,
    Deploy,
    /// A deploy over a running instance; differs in where it may start.
    Rebuild,
    /// Takes the instance down, then goes over to `Clean`.
    Delete,
    /// Automated cleaning: ends in `available`.
    Clean,
    /// Asked for with steps: ends in `manageable`.
    ManualClean,
    Adopt,
    Rescue,
    Unrescue,
    Service,
}

/// A run from its first step to its last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: RunId,
    pub activity: Activity,
    /// Where it is meant to end.
    pub goal: ProvisionState,
    pub started_at: Timestamp,
    pub steps: Vec<Step>,
    /// The current step, an index into `steps`; `steps.len()` when all are done.
    pub index: usize,
    pub phase: StepPhase,
    /// Set while the machine is to act.
    pub wait: Option<Wait>,
    /// The agent's own steps have been asked for and merged in.
    pub agent_steps_known: bool,
    /// `hardware_manager_version` as the agent reported it with its steps.
    pub agent_step_version: Option<Value>,
    /// What was heard of the machine since the step began and has not been acted on.
    #[serde(default)]
    pub news: Option<News>,
    /// Set when the run has failed and only its clearing up is left: the sentence that becomes `last_error`.
    #[serde(default)]
    pub failure: Option<String>,
    /// How often the machine has booted the ramdisk again in the middle.
    #[serde(default)]
    pub reboots: u32,
    /// Values that one step leaves for a later one (`root uuid`, the device written).
    pub notes: serde_json::Map<String, Value>,
}

/// How far the current step is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepPhase {
    /// Nothing has been done for it.
    Ready,
    /// Its effect may have happened, or not.
    Started { attempt: u32, at: Timestamp },
}

/// What a run waits for, and until when. Every wait but a hold has a deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    pub reason: WaitReason,
    pub since: Timestamp,
    pub deadline: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum WaitReason {
    /// The ramdisk boots; its heartbeat ends the wait.
    AgentBoot,
    /// The ramdisk boots again in the middle of a step; its heartbeat has the step taken up again.
    AgentReboot,
    /// The ramdisk boots; its inspection data end the wait.
    InspectionData,
    /// The agent works on a command.
    AgentCommand { id: String, step: StepId },
    /// A BMC works on the step; the driver's periodic job of this purpose finds out how it ends.
    Hardware { job: String, step: StepId },
    /// An operator must say go.
    Hold,
}

/// Something heard of the machine. Kept until the step that it is about acts on it, also over a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum News {
    /// Inspection data have been merged into the node.
    InspectionDone,
    InspectionFailed {
        error: String,
    },
    /// The agent's command has ended; `error` says why it failed.
    CommandEnded {
        id: String,
        error: Option<String>,
        result: Option<Value>,
    },
    /// What a BMC was doing has ended, as the driver's periodic job of this purpose found; `error` says why it failed.
    HardwareEnded {
        job: String,
        error: Option<String>,
    },
    /// The agent refused the command: its hardware managers are others than when it told its steps.
    VersionChanged {
        id: String,
    },
    /// The BMC says that the machine is off while the agent should be working, or coming up.
    LostPower,
    /// Somebody has switched the machine off by the API.
    SwitchedOff,
    /// Somebody has restarted the machine by the API: what it boots then is not sure to be the ramdisk.
    Restarted,
    /// The machine has booted again: the agent knows nothing of what went before.
    Rebooted,
}

impl WaitReason {
    /// The kind, as it is stored.
    pub fn name(&self) -> &'static str {
        match self {
            Self::AgentBoot => "agent_boot",
            Self::AgentReboot => "agent_reboot",
            Self::InspectionData => "inspection_data",
            Self::AgentCommand { .. } => "agent_command",
            Self::Hardware { .. } => "hardware",
            Self::Hold => "hold",
        }
    }

    /// The purpose of the driver's job that ends it.
    pub fn job(&self) -> Option<&str> {
        match self {
            Self::Hardware { job, .. } => Some(job),
            Self::AgentBoot
            | Self::AgentReboot
            | Self::InspectionData
            | Self::AgentCommand { .. }
            | Self::Hold => None,
        }
    }
}

impl Run {
    /// The step in hand.
    pub fn step(&self) -> Option<&Step> {
        self.steps.get(self.index)
    }
}
