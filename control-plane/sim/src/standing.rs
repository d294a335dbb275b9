//! Whether a conductor may do something to a machine, by its node as it is stored. The rest of the node is not parsed.

use ferric_model::ids::Incarnation;
use ferric_model::node::Ownership;
use ferric_model::run::StepPhase;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Whether an effect is one of those that only a run, or a wish for another power state, has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    Run,
    /// What keeps the power as it is stored needs neither.
    Owner,
}

/// What of a stored node says whether an effect may be.
#[derive(Deserialize)]
pub(crate) struct Standing {
    ownership: Option<Ownership>,
    target_power_state: Option<IgnoredAny>,
    run: Option<RunStanding>,
}

#[derive(Deserialize)]
struct RunStanding {
    phase: StepPhase,
}

impl Standing {
    /// Why this conductor must not do it now.
    pub(crate) fn problem(&self, who: Incarnation, needs: Needs) -> Option<&'static str> {
        let owner = self.ownership.as_ref();
        if owner.is_none_or(|owner| owner.incarnation != who) {
            return Some("acts on a node that it does not own");
        }
        if self.target_power_state.is_some() {
            return None;
        }
        match &self.run {
            None => (needs == Needs::Run).then_some("acts without anything being under way"),
            Some(run) if run.phase == StepPhase::Ready => Some("acts before its intent is stored"),
            Some(_) => None,
        }
    }
}
