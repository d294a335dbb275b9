//! While an agent works on a command it is asked how far it is; when it does not answer, the BMC is asked for the power.

use super::{Declaration, NodePeriodic, Visit, Visited};
use crate::conductor::Conductor;
use crate::conductor::agent::AgentClient;
use crate::conductor::inbox::Message;
use crate::conductor::messages::awaited_command;
use crate::conductor::node_task::TaskError;
use crate::conductor::steps::{chain, is_off};
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::node::agent_session::AgentSession;
use ferric_store::FieldValue;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;
use tracing::info;

/// One poll does not hold up the next one for long.
const POLL_TIMEOUT: Duration = Duration::from_secs(8);

/// Agents that are asked at the same time: many, because those that are gone take long to be found out.
const POLLS: usize = 64;

/// Remembers how often in a row each agent did not answer. Lost with the process, which then asks again.
#[derive(Default)]
pub(super) struct AgentPoll {
    failures: Mutex<BTreeMap<NodeId, u32>>,
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
            Ok(agent) => agent.within(POLL_TIMEOUT).list().await,
            Err(error) => Err(error),
        };
        let message = match list {
            Ok(commands) => {
                self.failures.lock().remove(&node.uuid);
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
        let hints = node.agent.as_ref();
        let failures = {
            let mut failures = self.failures.lock();
            let count = failures.entry(node.uuid).or_default();
            *count = count.saturating_add(1);
            *count
        };
        if failures < conductor.settings().agent.poll_failures {
            return None;
        }
        let hardware = conductor.hardware(node).ok()?;
        if is_off(&hardware).await {
            self.failures.lock().remove(&node.uuid);
            return Some(Message::LostPower { wait });
        }
        let gone = hints.is_some_and(AgentSession::may_be_gone);
        if gone {
            self.failures.lock().remove(&node.uuid);
        }
        gone.then_some(Message::LostAgent { wait })
    }
}
