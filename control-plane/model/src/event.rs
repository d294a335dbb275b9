//! What happened to a node: the lines of its timeline (design D11). History, `watch` and `last_error` are views of it.

use crate::ids::{NodeId, RunId};
use crate::state::{PowerState, ProvisionState};
use crate::step::StepId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One line. The store numbers them in the order of commits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineEvent {
    pub id: Uuid,
    pub node: NodeId,
    pub at: Timestamp,
    pub conductor: String,
    pub run: Option<RunId>,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum What {
    Enrolled,
    StateChanged {
        from: ProvisionState,
        to: ProvisionState,
        target: Option<ProvisionState>,
        error: Option<String>,
    },
    PowerChanged {
        from: Option<PowerState>,
        to: Option<PowerState>,
    },
    StepStarted {
        step: StepId,
        attempt: u32,
    },
    StepDone {
        step: StepId,
        detail: Option<String>,
    },
    StepFailed {
        step: StepId,
        error: String,
    },
    /// Bytes written to the disk, of how many, and how fast.
    Progress {
        step: StepId,
        phase: String,
        bytes_done: u64,
        bytes_total: Option<u64>,
        bytes_per_second: u64,
    },
    /// A machine asked for a boot script, kernel, ramdisk or image.
    BootRequest {
        what: String,
    },
    Lookup {
        address: String,
    },
    Heartbeat {
        version: Option<String>,
    },
    Inspected {
        summary: String,
    },
    BmcError {
        error: String,
    },
    Resumed {
        detail: String,
    },
    Note {
        text: String,
    },
}
