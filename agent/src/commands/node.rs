//! The node as commands see it. One that brings the node is done with that, and what it brought counts for those after
//! it that bring none, as with Ironic's agent; what the lookup told is only where that begins.

use std::time::Duration;

use ferric_agent_protocol::inventory::Disk;
use ferric_agent_protocol::node::Node;
use serde_json::Value;

use super::run::Run;
use crate::agent::Agent;
use crate::conductor::{Asker, Conductor, lookup};
use crate::config::LookupSettings;
use crate::disk::{self, DiskError, DiskWait, SharedFileSystems};
use crate::host::RootKind;
use crate::state::Session;

/// How long the conductor is asked for hints before a command does without.
const ASKING_TIME: Duration = Duration::from_secs(60);

impl Agent {
    /// Keeps what a command has told of the node, over a restart of the agent, too.
    pub(super) fn remember(&self, node: &Node) {
        let own = self.session.node.uuid;
        if node.uuid != own {
            tracing::warn!(%own, told = %node.uuid, "a command is about another node");
            return;
        }
        if let Err(error) = self.state.save(Session::NODE_FILE, node) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "keeping the node");
        }
        self.told.lock().clone_from(node);
    }

    /// The node as it was told last.
    pub(super) fn latest_node(&self) -> Node {
        self.with_leave(self.told.lock().clone())
    }

    /// The node with the leave that the agent's own settings give: without its guard no file system is protected.
    pub(super) fn with_leave(&self, mut node: Node) -> Node {
        if self.settings.shared_file_systems == SharedFileSystems::Erase {
            let name = "wipe_special_filesystems".to_owned();
            node.driver_internal_info.insert(name, Value::Bool(true));
        }
        node
    }

    /// The disk for the operating system of this node. A ramdisk may see it late; on an ordinary host it never comes.
    pub(super) fn root_device(&self, node: &Node) -> Result<Disk, DiskError> {
        let attempts = match self.host.root() {
            RootKind::Ram => self.settings.disk_wait_attempts,
            RootKind::Other(_) => 0,
        };
        let wait = DiskWait {
            attempts,
            delay: self.settings.disk_wait_delay,
        };
        disk::wait_for_root_device(&self.host, Some(node), wait, &self.stop_writing)
    }
}

/// The node for a command that chooses a disk and brings no node. Where no hints are known the conductor is asked
/// again, as they may have been set since: of two disks the wrong one would be written.
pub(super) async fn for_writing(run: &Run) -> Node {
    let agent = &run.agent;
    let known = agent.latest_node();
    let is_hinted = !matches!(known.root_device_hints(), Ok(None));
    // Ferric's conductor tells the node with each step, and a lookup tells it that the machine has booted.
    let is_ours = agent.session.config.ferric.is_some();
    if is_hinted || is_ours || agent.host.permits_disks().is_err() {
        return known;
    }
    if let Some(node) = look_up(agent).await {
        agent.remember(&node);
    }
    agent.latest_node()
}

/// A conductor that does not answer is no reason to stop.
async fn look_up(agent: &Agent) -> Option<Node> {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        tracing::warn!(
            error,
            "asking for the node again; what was told before counts"
        );
    };
    let conductor = Conductor::new(&agent.settings.api);
    let conductor = conductor.map_err(|error| failed(&error)).ok()?;
    let own = agent.settings.lookup;
    let settings = LookupSettings {
        timeout: own.timeout.min(ASKING_TIME),
        ..own
    };
    let asker = Asker {
        node: Some(agent.session.node.uuid),
        offered: agent.settings.direction.offered(),
    };
    let answer = lookup(&conductor, settings, &asker).await;
    let answer = answer.map_err(|error| failed(&error)).ok()?;
    Some(answer.node)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use ferric_agent_protocol::lookup::LookupConfig;
    use serde_json::json;

    use super::super::image::tests::all_settings;
    use super::*;
    use crate::host::Host;
    use crate::managers::Managers;
    use crate::state::StateDir;

    const OWN: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";
    const OTHER: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c782";

    fn node(uuid: &str, serial: &str) -> Node {
        let properties = json!({"root_device": {"serial": serial}});
        serde_json::from_value(json!({"uuid": uuid, "properties": properties})).unwrap()
    }

    fn agent(place: &Path, ini: &str) -> Agent {
        let session = Session {
            node: node(OWN, "lookup"),
            config: LookupConfig::default(),
            token: None,
            callback_url: String::new(),
            listen: None,
            certificate: None,
        };
        let host = Host::detect(&[]).unwrap();
        let (settings, state) = (all_settings(ini), StateDir::open(place).unwrap());
        Agent::new(
            host,
            Arc::new(Managers::default()),
            settings,
            session,
            state,
        )
        .unwrap()
    }

    fn hints(agent: &Agent) -> String {
        let hints = agent.latest_node().root_device_hints();
        hints.unwrap().unwrap().to_string()
    }

    #[test]
    fn what_a_command_brings_counts_from_then_on_and_after_a_restart() {
        let place = tempfile::tempdir().unwrap();
        let first = agent(place.path(), "");
        assert_eq!(hints(&first), "serial s== lookup");
        first.remember(&node(OWN, "step"));
        assert_eq!(hints(&first), "serial s== step");
        first.remember(&node(OTHER, "other"));
        assert_eq!(hints(&first), "serial s== step");
        assert_eq!(hints(&agent(place.path(), "")), "serial s== step");
    }

    #[test]
    fn a_node_that_was_kept_is_not_that_of_another_session() {
        let place = tempfile::tempdir().unwrap();
        let state = StateDir::open(place.path()).unwrap();
        state
            .save(Session::NODE_FILE, &node(OTHER, "other"))
            .unwrap();
        assert_eq!(hints(&agent(place.path(), "")), "serial s== lookup");
    }

    #[test]
    fn without_the_guard_every_node_gives_leave() {
        let leave = |ini: &str| {
            let place = tempfile::tempdir().unwrap();
            let node = agent(place.path(), ini).latest_node();
            node.driver_internal_info
                .get("wipe_special_filesystems")
                .cloned()
        };
        assert_eq!(leave(""), None);
        assert_eq!(leave("guard_special_filesystems = true\n"), None);
        let off = "guard_special_filesystems = false\n";
        assert_eq!(leave(off), Some(json!(true)));
    }
}
