//! What is on its way somewhere. The work on it is the other installation's and does not come along, so by default it is
//! refused: nothing is lost that way. An operator may have it put where that work's failure would have led.

use crate::conductor::requests::RequestError;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as State;

/// What to do with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InTransition {
    #[default]
    Refuse,
    /// As if what is done to it had failed.
    Fail,
}

impl InTransition {
    /// # Errors
    /// Conflict, unless it is to be put where its failure leads.
    pub(super) fn refuse(self, what: &str, failed: &str) -> Result<(), RequestError> {
        match self {
            Self::Fail => Ok(()),
            Self::Refuse => Err(RequestError::Conflict(format!(
                "{what}, and the work on it cannot be brought along: let it end where it comes from and import it again, or have it stored as {failed:?} (--force)"
            ))),
        }
    }
}

/// The node as one that nobody works on.
///
/// # Errors
/// Conflict when it is on its way somewhere and is to be refused then.
pub(super) fn at_rest(mut node: Node, in_transition: InTransition) -> Result<Node, RequestError> {
    let (id, state) = (node.uuid, node.provision_state);
    if let Some(failed) = failed(state) {
        in_transition.refuse(
            &format!("node {id} is {state:?}", state = state.name()),
            failed.name(),
        )?;
        node.provision_state = failed;
        if failed.is_stable() {
            node.target_provision_state = None;
        }
        let error = format!(
            "it was {:?} where it was imported from, and the work on it was not brought along",
            state.name()
        );
        node.last_error.get_or_insert(error);
    }
    if let Some(target) = node.target_power_state.take() {
        let power = node.power_state.map_or("null", |power| power.name());
        let what = format!("node {id} is about to be {:?}", target.name());
        in_transition.refuse(&what, power)?;
    }
    Ok(node)
}

/// Where a failure of what is done in this state leads; `None`: nothing is done in it.
const fn failed(state: State) -> Option<State> {
    Some(match state {
        State::Verifying => State::Enroll,
        State::Deploying | State::DeployWait | State::DeployHold => State::DeployFailed,
        State::Cleaning | State::CleanWait | State::CleanHold => State::CleanFailed,
        State::Deleting => State::Error,
        State::Inspecting | State::InspectWait => State::InspectFailed,
        State::Adopting => State::AdoptFailed,
        State::Rescuing | State::RescueWait => State::RescueFailed,
        State::Unrescuing => State::UnrescueFailed,
        State::Servicing | State::ServiceWait | State::ServiceHold => State::ServiceFailed,
        State::Enroll
        | State::Manageable
        | State::Available
        | State::Active
        | State::Error
        | State::Rescue
        | State::DeployFailed
        | State::CleanFailed
        | State::InspectFailed
        | State::AdoptFailed
        | State::RescueFailed
        | State::UnrescueFailed
        | State::ServiceFailed => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferric_model::state::Event;

    /// Where the state machine has a failure of the state, it leads to the same one.
    #[test]
    fn work_that_is_left_behind_ends_where_its_failure_would() {
        for state in State::ALL {
            let moves = state.is_running() || state.is_wait() || state.is_hold();
            assert_eq!(failed(*state).is_some(), moves, "{state}");
            if let (Some(failed), Ok(by_table)) = (failed(*state), state.on(Event::Fail)) {
                assert_eq!(failed, by_table, "{state}");
            }
        }
    }
}
