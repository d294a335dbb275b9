//! `system.lockdown`: the node goes on without its agent, and its ports are taken from it.

use serde_json::Value;

use super::failure::{ErrorKind, Failure};
use super::run::{Outcome, Run};
use crate::host::SystemPermit;
use crate::network::{self, list_interfaces};

/// Ends the API and the heartbeat, and then takes all interfaces down. The process stays, so that nobody starts it
/// again. The answer leaves first: it is what tells the conductor that this was accepted.
pub(super) fn lockdown(run: &Run) -> Outcome {
    let permit = run
        .agent
        .host
        .permits_system()
        .map_err(|error| Failure::caused_by(ErrorKind::CommandExecution, &error))?;
    *run.agent.lockdown.lock() = Some(permit);
    run.agent.retire.cancel();
    Ok(Value::Null)
}

/// Takes every interface down; the permit is what `lockdown` got for it.
pub fn isolate(permit: &SystemPermit) {
    let interfaces = list_interfaces().unwrap_or_default();
    for interface in interfaces {
        if let Err(error) = network::ioctl::take_down(permit, &interface.name) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(
                error,
                interface = interface.name,
                "taking an interface down"
            );
        }
    }
}
