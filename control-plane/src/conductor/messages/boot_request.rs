//! A machine asks for something to boot: a line on the timeline, and proof of a reboot if an agent was up before.

use super::tell;
use crate::conductor::node_task::{NodeTask, TaskError};
use ferric_model::event::What;
use ferric_model::node::NetworkBoot;
use ferric_model::run::News;

/// What the boot plane calls a request for the script; kernel and ramdisk follow it in the same boot.
const SCRIPT: &str = "boot script";

pub(super) async fn merge(task: &mut NodeTask, what: String) -> Result<(), TaskError> {
    let looked_up = task
        .node
        .agent
        .as_ref()
        .is_some_and(|session| session.lookups > 0);
    let booted_again =
        looked_up && what.starts_with(SCRIPT) && task.node.network_boot == NetworkBoot::Ramdisk;
    let mut change = task.change().event(What::BootRequest { what });
    if booted_again {
        let text = "the machine boots the ramdisk again in the middle of the activity".to_owned();
        change = change.event(What::Note { text }).with(|node| {
            // What the machine ran is gone, and with it the secret that it held.
            node.agent = None;
            tell(node, News::Rebooted);
        });
    }
    task.save(change).await
}
