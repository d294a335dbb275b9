//! `system.lockdown`: the node goes on without its agent, and its ports are taken from it.

use nix::net::if_::if_nameindex;
use serde_json::Value;

use super::failure::{ErrorKind, Failure};
use super::run::{Outcome, Run};
use crate::host::SystemPermit;
use crate::network::ioctl::take_down;

/// Leads nowhere.
const LOOPBACK: &str = "lo";

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

/// Takes every interface down, of whatever kind: also those that no inventory lists, such as the one to the BMC. The permit
/// is what `lockdown` got for it.
pub fn isolate(permit: &SystemPermit) {
    let interfaces = match if_nameindex() {
        Ok(interfaces) => interfaces,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "listing the interfaces that are to be taken down");
            return;
        }
    };
    let names = interfaces.iter().map(|one| one.name().to_string_lossy());
    for name in names.filter(|name| name != LOOPBACK) {
        if let Err(error) = take_down(permit, &name) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, interface = %name, "taking an interface down");
        }
    }
}
