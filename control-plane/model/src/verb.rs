//! What may be asked of a node by `states/provision`: the targets of Ironic's API, since when each is known, and in which
//! states it may be asked for. The states are not written down a second time: they follow from the table of transitions.

use crate::named::named;
use crate::state::{Event, Illegal, ProvisionState};

named!(
    /// A target of `states/provision`.
    Verb, "provision target", {
        Active = "active",
        Deploy = "deploy",
        Rebuild = "rebuild",
        Deleted = "deleted",
        Undeploy = "undeploy",
        Manage = "manage",
        Provide = "provide",
        Inspect = "inspect",
        Abort = "abort",
        Clean = "clean",
        Adopt = "adopt",
        Rescue = "rescue",
        Unrescue = "unrescue",
        Unhold = "unhold",
        Service = "service",
    }
);

impl Verb {
    /// What it means to the state machine.
    pub const fn event(self) -> Event {
        match self {
            Self::Active | Self::Deploy => Event::Deploy,
            Self::Rebuild => Event::Rebuild,
            Self::Deleted | Self::Undeploy => Event::Delete,
            Self::Manage => Event::Manage,
            Self::Provide => Event::Provide,
            Self::Inspect => Event::Inspect,
            Self::Abort => Event::Abort,
            Self::Clean => Event::Clean,
            Self::Adopt => Event::Adopt,
            Self::Rescue => Event::Rescue,
            Self::Unrescue => Event::Unrescue,
            Self::Unhold => Event::Unhold,
            Self::Service => Event::Service,
        }
    }

    /// The minor version that brought it. `undeploy` came with 73, but Ironic lets older requests use it too.
    pub const fn since(self) -> u16 {
        match self {
            Self::Active | Self::Rebuild | Self::Deleted | Self::Undeploy => 1,
            Self::Manage | Self::Provide => 4,
            Self::Inspect => 6,
            Self::Abort => 13,
            Self::Clean => 15,
            Self::Adopt => 17,
            Self::Rescue | Self::Unrescue => 38,
            Self::Deploy => 73,
            Self::Unhold => 85,
            Self::Service => 87,
        }
    }

    /// The minor version from which on it may be asked for in this state: two states could not be aborted at first.
    pub const fn since_in(self, state: ProvisionState) -> u16 {
        match (self, state) {
            (Self::Abort, ProvisionState::InspectWait) => 41,
            (Self::Abort, ProvisionState::DeployWait) => 110,
            _ => self.since(),
        }
    }

    /// Ironic looks at the version of these after the state, so a wrong state answers first.
    pub const fn is_gated_after_the_state(self) -> bool {
        matches!(self, Self::Unhold | Self::Service)
    }

    /// The state that it leads to.
    ///
    /// # Errors
    /// [`Illegal`] where the table has no such row, and while the conductor acts: then the row is for the conductor's own
    /// use (cleaning ends by `manage`, tearing down goes on by `clean`).
    pub fn on(self, state: ProvisionState) -> Result<ProvisionState, Illegal> {
        let event = self.event();
        if state.is_running() {
            return Err(Illegal { state, event });
        }
        state.on(event)
    }

    /// The states in which it may be asked for, in the order of declaration.
    pub fn allowed_from(self) -> impl Iterator<Item = ProvisionState> {
        let states = ProvisionState::ALL.iter().copied();
        states.filter(move |state| self.on(*state).is_ok())
    }

    /// What may be asked for in this state, in the order of declaration; nothing while the conductor acts.
    pub fn allowed_in(state: ProvisionState) -> impl Iterator<Item = Self> {
        let verbs = Self::ALL.iter().copied();
        verbs.filter(move |verb| verb.on(state).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// As Ironic's API has them.
    fn check(verb: &str, since: u16, states: &str) {
        let verb: Verb = verb.parse().unwrap();
        assert_eq!(verb.since(), since, "{verb}");
        let expected: BTreeSet<ProvisionState> = states
            .split(", ")
            .map(|state| state.parse().unwrap())
            .collect();
        let allowed: BTreeSet<_> = verb.allowed_from().collect();
        assert_eq!(allowed, expected, "{verb}");
    }

    #[test]
    fn verbs_are_allowed_where_ironic_allows_them() {
        let deleted = "active, deploy failed, error, wait call-back, rescue, rescue wait, rescue failed, \
                       unrescue failed, service wait, service failed";
        let abort = "clean wait, clean hold, inspect wait, wait call-back, deploy hold, rescue wait, \
                     service wait, service hold, service failed";
        let rescue = "active, rescue, rescue failed, unrescue failed, service failed";
        check("active", 1, "available, deploy failed");
        check("deploy", 73, "available, deploy failed");
        check("rebuild", 1, "active, deploy failed, error");
        check("deleted", 1, deleted);
        check("undeploy", 1, deleted);
        check(
            "manage",
            4,
            "enroll, available, adopt failed, clean failed, inspect failed",
        );
        check("provide", 4, "manageable");
        check("inspect", 6, "manageable, inspect failed");
        check("abort", 13, abort);
        check("clean", 15, "manageable");
        check("adopt", 17, "manageable, adopt failed");
        check("rescue", 38, rescue);
        check("unrescue", 38, "rescue, rescue failed, unrescue failed");
        check("unhold", 85, "deploy hold, clean hold, service hold");
        check("service", 87, "active, service failed, service hold");
    }

    #[test]
    fn something_is_allowed_wherever_the_conductor_does_not_act() {
        for state in ProvisionState::ALL {
            let none = Verb::allowed_in(*state).next().is_none();
            assert_eq!(none, state.is_running(), "{state}");
        }
        let check = |state, expected: &[Verb]| {
            let allowed: Vec<_> = Verb::allowed_in(state).collect();
            assert_eq!(allowed, expected, "{state}");
        };
        check(
            ProvisionState::Available,
            &[Verb::Active, Verb::Deploy, Verb::Manage],
        );
        check(ProvisionState::CleanHold, &[Verb::Abort, Verb::Unhold]);
        check(
            ProvisionState::Error,
            &[Verb::Rebuild, Verb::Deleted, Verb::Undeploy],
        );
    }

    #[test]
    fn aborting_came_to_some_states_later() {
        assert_eq!(Verb::Abort.since_in(ProvisionState::CleanWait), 13);
        assert_eq!(Verb::Abort.since_in(ProvisionState::InspectWait), 41);
        assert_eq!(Verb::Abort.since_in(ProvisionState::DeployWait), 110);
    }
}
