//! Inspection rules: conditions on what inspection found, and actions on the node. Pure: no store, no network, no clock.
//!
//! A rule is stored as it was written ([`InspectionRule`]) and checked by being read into a [`Rule`], which can be run.
//! The language is Ironic's; where its documentation and its code differ the documentation holds. Both the rules and
//! what a machine says are distrusted: every text, loop and path has a bound, and nothing panics.

mod action;
mod arguments;
mod condition;
mod editing;
mod format;
mod node_view;
mod operation;
mod path;
mod pattern;
mod port_view;
mod python;
mod rule;
mod run;
mod secrets;
mod weight;

pub use action::{Action, Call};
pub use condition::Operator;
pub use operation::{Multiple, Operation, read_actions, read_conditions};
pub use rule::{Rule, RuleText};
pub use run::{Level, LogLine, Outcome, RuleFailure, Subject, apply};
pub use secrets::MaskSecrets;

use crate::ids::InspectionRuleId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// When rules run: there is one phase, as in Ironic. It comes after the hooks.
pub const MAIN_PHASE: &str = "main";
/// Priorities of rules that are made through the API; those below and above are for built-in ones.
pub const PRIORITIES: std::ops::RangeInclusive<i64> = 0..=9999;

/// A rule as it is stored. Field names are those of the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InspectionRule {
    pub uuid: InspectionRuleId,
    pub description: Option<String>,
    /// Higher ones run first.
    pub priority: i64,
    /// Its conditions and actions are never shown again.
    pub sensitive: bool,
    pub phase: String,
    /// All must hold; none: the actions are always done.
    pub conditions: Vec<Operation>,
    pub actions: Vec<Operation>,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

impl InspectionRule {
    /// One without actions, which must be given before it is stored.
    pub fn new(uuid: InspectionRuleId, created_at: Timestamp) -> Self {
        Self {
            uuid,
            description: None,
            priority: 0,
            sensitive: false,
            phase: MAIN_PHASE.to_owned(),
            conditions: Vec::new(),
            actions: Vec::new(),
            created_at,
            updated_at: None,
        }
    }
}

#[cfg(test)]
mod tests;
