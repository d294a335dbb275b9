//! While an agent works on a command it is asked how far it is; when it does not answer, the BMC is asked for the power,
//! and for the boot device that was set for the next boot: one that is used up tells of a machine that has started.

use super::{Declaration, NodePeriodic, Visit, Visited};
use crate::conductor::Conductor;
use crate::conductor::agent::AgentClient;
use crate::conductor::inbox::Message;
use crate::conductor::messages::awaited_command;
use crate::conductor::node_task::TaskError;
use crate::conductor::steps::{chain, is_off};
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_drivers::{BootDevice, Hardware};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::node::agent_session::{AgentSession, NextBoot};
use ferric_store::FieldValue;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::info;

/// One poll does not hold up the next one for long.
const POLL_TIMEOUT: Duration = Duration::from_secs(8);

/// For a look at the BMC that only explains something.
const LOOK_LIMIT: Duration = Duration::from_secs(30);

/// Agents that are asked at the same time: many, because those that are gone take long to be found out.
const POLLS: usize = 64;

/// Remembers the silence of each agent that does not answer. Lost with the process, which then asks again.
#[derive(Default)]
pub(super) struct AgentPoll {
    silences: Mutex<BTreeMap<NodeId, Silence>>,
}

#[derive(Clone, Copy, Default)]
struct Silence {
    /// How often in a row it did not answer.
    polls: u32,
    /// Whether the next boot was to be from the network when it began. Some BMCs forget that after a while, which tells
    /// of nothing.
    began_set: bool,
}

#[async_trait]
impl NodePeriodic for AgentPoll {
    fn declaration(&self, settings: &Settings) -> Declaration {
        let waits = FieldValue::Text("agent_command".to_owned());
        Declaration {
            filters: vec![
                ("waits_for", vec![waits]),
                ("maintenance", vec![FieldValue::Bool(false)]),
            ],
            ..Declaration::new(
                "asking agents how far they are",
                seconds(settings.agent.poll_interval_s),
                POLLS,
            )
        }
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        awaited_command(node).is_some()
            && node
                .agent
                .as_ref()
                .is_some_and(|session| session.is_ready())
    }

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        let (conductor, node) = (&visit.conductor, &visit.node);
        let Some(wait) = awaited_command(node).map(str::to_owned) else {
            return Ok(Visited::Nothing);
        };
        let list = match AgentClient::of(conductor, node) {
            Ok(agent) => agent.within(POLL_TIMEOUT).list_with_log().await,
            Err(error) => Err(error),
        };
        let message = match list {
            Ok(commands) => {
                self.silences.lock().remove(&node.uuid);
                Some(Message::Commands { wait, commands })
            }
            Err(error) => {
                info!(node = %node.uuid, error = chain(&error), "the agent does not answer");
                self.explain_silence(conductor, node, wait).await
            }
        };
        // A full inbox is read before the next poll.
        if let Some(message) = message {
            drop(conductor.tell(node.uuid, message));
        }
        Ok(Visited::Acted)
    }
}

impl AgentPoll {
    /// One lost answer means nothing; after several the BMC must know more.
    async fn explain_silence(
        &self,
        conductor: &Conductor,
        node: &Node,
        wait: String,
    ) -> Option<Message> {
        let hardware = conductor.hardware(node).ok()?;
        let silence = self.note_silence(node, &hardware).await;
        if silence.polls < conductor.settings().agent.poll_failures {
            return None;
        }
        let message = if is_off(&hardware).await {
            Message::LostPower { wait }
        } else if node.agent.as_ref().is_some_and(AgentSession::may_be_gone) {
            Message::LostAgent { wait }
        } else if silence.began_set && boots_from_network(&hardware).await == Some(false) {
            Message::StartedAgain { wait }
        } else {
            return None;
        };
        self.silences.lock().remove(&node.uuid);
        Some(message)
    }

    /// It did not answer once more.
    async fn note_silence(&self, node: &Node, hardware: &Hardware) -> Silence {
        let known = self.silences.lock().get(&node.uuid).copied();
        let silence = match known {
            Some(silence) => Silence {
                polls: silence.polls.saturating_add(1),
                ..silence
            },
            None => Silence {
                polls: 1,
                began_set: is_to_come_back(node)
                    && boots_from_network(hardware).await == Some(true),
            },
        };
        self.silences.lock().insert(node.uuid, silence);
        silence
    }
}

fn is_to_come_back(node: &Node) -> bool {
    let session = node.agent.as_ref();
    session.is_some_and(|session| session.next_boot == Some(NextBoot::Network))
}

/// Whether the network is what the BMC has been told to boot next; `None`: it does not say so soon.
async fn boots_from_network(hardware: &Hardware) -> Option<bool> {
    let management = hardware.management.as_ref()?;
    let asked = tokio::time::timeout(LOOK_LIMIT, management.boot_device());
    let set = asked.await.ok()?.ok()?;
    Some(set.device == Some(BootDevice::Pxe))
}
