//! A machine asks for something to boot: a line on the timeline, and a hint at a reboot if an agent was up before.

use crate::conductor::node_task::{NodeTask, TaskError};
use ferric_model::event::What;
use ferric_model::node::NetworkBoot;
use serde_json::json;

/// What the boot plane calls a request for the script; kernel and ramdisk follow it in the same boot.
const SCRIPT: &str = "boot script";

/// The note of a run: when a machine asked for its boot script last.
pub(in crate::conductor) const BOOT_REQUESTED_AT: &str = "boot_requested_at";

/// Anybody on the network may ask for a boot script, so the token stays with the agent until it does not answer either.
pub(super) async fn merge(task: &mut NodeTask, what: String) -> Result<(), TaskError> {
    let is_hint = what.starts_with(SCRIPT) && task.node.network_boot == NetworkBoot::Ramdisk;
    let now = task.conductor().now();
    let change = task
        .change()
        .event(What::BootRequest { what })
        .with(|node| {
            if let Some(session) = node.agent.as_mut().filter(|agent| agent.token_confirmed) {
                session.boot_requested |= is_hint;
            }
            if let Some(run) = node.run.as_mut().filter(|_| is_hint) {
                run.notes.insert(BOOT_REQUESTED_AT.to_owned(), json!(now));
            }
        });
    task.save(change).await
}
