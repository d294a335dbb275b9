//! How a run may end, and what its machine is like then. A failure needs a fault of the machine that explains it; any
//! other is a fault of the conductor's.

use super::Client;
use crate::machine::Disk;
use ferric_drivers::BootDevice;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use std::time::Duration;

/// How long before its beginning a fault may fail a run: a BMC may still lie then, or a machine be off.
const REACH: Duration = Duration::from_secs(300);

impl Client<'_> {
    /// Whether the run ended as it may.
    pub(super) fn judge(&self, node: &Node, verb: Verb) -> bool {
        let ended_well = matches!(
            (verb, node.provision_state),
            (Verb::Manage | Verb::Inspect, State::Manageable)
                | (Verb::Clean, State::Manageable)
                | (Verb::Provide | Verb::Undeploy, State::Available)
                | (Verb::Deploy | Verb::Rebuild | Verb::Adopt, State::Active)
                | (Verb::Unrescue | Verb::Service | Verb::Abort, State::Active)
                | (Verb::Rescue, State::Rescue)
        );
        if ended_well {
            return true;
        }
        let error = node.last_error.as_deref().unwrap_or_default();
        if error.contains("aborted by request") && self.may_be_aborted() {
            return self.judge_aborted(verb);
        }
        self.world.observer.count_failure();
        self.world
            .log
            .note(format_args!("client {}", self.machine.index), || {
                format!("{} failed: {error}", verb.name())
            });
        if error.is_empty() {
            self.violation(&format!("{} failed without a cause", verb.name()));
            return false;
        }
        if self.excuse().is_none() && !is_rescue_given_up(verb, error) {
            self.violation(&format!(
                "{} failed, and nothing was wrong with the machine: {error}",
                verb.name()
            ));
            return false;
        }
        true
    }

    /// Brings the instance back, whatever the machine runs now; its disk must be as it was.
    pub(super) async fn has_instance_back(&self, before: Disk) -> bool {
        if !self.reach(State::Active).await {
            return false;
        }
        if self.machine.disk() != before {
            self.violation("was to keep its instance, and its disk was written");
            return false;
        }
        self.check_instance();
        true
    }

    /// What a deployed machine is like.
    pub(super) fn check_instance(&self) {
        let mut state = self.machine.state.lock();
        state.settle();
        let whole = matches!(state.disk, Disk::Whole(_));
        let (on, from) = (state.on, state.booted_from);
        drop(state);
        let runs = on && from == Some(BootDevice::Disk);
        if !whole || !(runs || self.excuse().is_some()) {
            self.violation(&format!(
                "is active, and its machine does not run the image (whole {whole}, on {on}, from {from:?})"
            ));
        }
    }

    /// What was wrong with the machine during the last run.
    pub(super) fn excuse(&self) -> Option<&'static str> {
        let began = *self.began.lock();
        self.machine
            .excused(began.checked_sub(REACH).unwrap_or(began))
    }

    pub(super) fn violation(&self, what: &str) {
        self.world
            .violation(format!("node {} {what}", self.machine.index));
    }
}

/// The ramdisk that a rescue hands over answers nobody any more. A conductor that has not heard its last answer boots
/// it anew, so often and no more.
fn is_rescue_given_up(verb: Verb, error: &str) -> bool {
    verb == Verb::Rescue && error.contains("has booted again 3 times")
}
