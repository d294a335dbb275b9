//! What a step answers: done or waiting, with the changes to be stored, or a failure that becomes one sentence.

use crate::boot::BootError;
use crate::conductor::agent::AgentError;
use crate::conductor::config_drive::ConfigDriveError;
use crate::conductor::hardware_records::Shown;
use crate::conductor::limits::NEVER;
use ferric_drivers::{BmcError, ConnectError, InterfaceError};
use ferric_model::event::What;
use ferric_model::node::Node;
use ferric_model::run::{Run, WaitReason};
use ferric_model::step::StepId;
use serde_json::Value;
use std::error::Error;
use std::time::Duration;

/// Changes to the node and its run, made when the outcome is stored.
pub(in crate::conductor) type Edits = Vec<Box<dyn FnOnce(&mut Node, &mut Run) + Send>>;

/// A step that did not fail.
#[must_use]
pub(in crate::conductor) struct Outcome {
    /// What the machine has to do before the step is done, and for how long it may take; `None`: the step is done.
    pub(in crate::conductor) wait: Option<(WaitReason, Duration)>,
    pub(in crate::conductor) edits: Edits,
    pub(in crate::conductor) events: Vec<What>,
    pub(in crate::conductor) detail: Option<String>,
    /// What the machine showed of its settings before the step.
    pub(in crate::conductor) shown: Shown,
    /// What the agent has answered, of a step that it has done already.
    pub(in crate::conductor) result: Option<Value>,
}

impl Outcome {
    pub(in crate::conductor) fn done() -> Self {
        Self {
            wait: None,
            edits: Vec::new(),
            events: Vec::new(),
            detail: None,
            shown: Shown::default(),
            result: None,
        }
    }

    pub(in crate::conductor) fn wait(reason: WaitReason, limit: Duration) -> Self {
        Self {
            wait: Some((reason, limit)),
            ..Self::done()
        }
    }

    /// Nothing goes on until an operator says so.
    pub(in crate::conductor) fn hold() -> Self {
        Self::wait(WaitReason::Hold, NEVER)
    }

    pub(in crate::conductor) fn edit(
        mut self,
        edit: impl FnOnce(&mut Node, &mut Run) + Send + 'static,
    ) -> Self {
        self.edits.push(Box::new(edit));
        self
    }

    pub(in crate::conductor) fn event(mut self, what: What) -> Self {
        self.events.push(what);
        self
    }

    pub(in crate::conductor) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// Why a step failed. `Display` does not repeat the source; [`chain`] makes the sentence.
#[derive(Debug, thiserror::Error)]
pub(in crate::conductor) enum StepError {
    #[error("{doing}")]
    Bmc {
        doing: &'static str,
        #[source]
        source: BmcError,
    },
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Interfaces(#[from] InterfaceError),
    #[error(transparent)]
    Boot(#[from] BootError),
    #[error(transparent)]
    Agent(#[from] AgentError),
    /// A command failed, and has a result nevertheless.
    #[error("{error}")]
    Command {
        error: AgentError,
        done: Option<Box<Value>>,
    },
    #[error(transparent)]
    ConfigDrive(#[from] ConfigDriveError),
    #[error("{0}")]
    Problem(String),
    #[error("it took longer than {} s", .0.as_secs())]
    TookTooLong(Duration),
    #[error("the agent's hardware managers have changed since it told its steps")]
    VersionChanged,
    #[error("nobody knows how to do the step {0}")]
    Unknown(StepId),
}

impl StepError {
    pub(in crate::conductor) fn bmc(doing: &'static str) -> impl FnOnce(BmcError) -> Self {
        move |source| Self::Bmc { doing, source }
    }

    /// What the agent's command has done although it failed.
    pub(in crate::conductor) fn done(&self) -> Option<&Value> {
        let Self::Command { done, .. } = self else {
            return None;
        };
        done.as_deref()
    }

    /// Whether the agent could not be reached: then it matters whether the machine has booted again.
    pub(in crate::conductor) fn is_lost_agent(&self) -> bool {
        matches!(
            self,
            Self::Agent(
                AgentError::NotThere
                    | AgentError::Unreachable { .. }
                    | AgentError::Refused { status: 401, .. }
            )
        )
    }
}

/// The error with everything behind it, in one line.
pub(in crate::conductor) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let part = source.to_string();
        // Libraries like to repeat their source.
        if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
        next = source.source();
    }
    text.replace('\n', " ")
}
