//! What machines say, kept per node until whoever holds the node's lock reads it.
//!
//! So a ramdisk is never turned away because of a lock. Nothing here is stored: the sender is answered only after
//! what it said has been merged into the node and committed, and sends it again if it is not.

use super::requests::{
    HeartbeatRequest, InspectionRequest, LookupAnswer, LookupRequest, RequestError,
};
use ferric_agent_protocol::command::CommandList;
use ferric_agent_protocol::log::{LogPiece, LogTaken};
use ferric_model::ids::NodeId;
use ferric_model::node::agent_session::Token;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::{Notify, oneshot};

/// More unread messages of one node than this are a fault of the sender.
const LIMIT: usize = 64;

/// Where an answer goes; the asker may have hung up.
pub(super) type Reply<T> = oneshot::Sender<Result<T, RequestError>>;

/// Something that a machine, or somebody who looked at it, has to say about a node.
pub(super) enum Message {
    Lookup(LookupRequest, Reply<LookupAnswer>),
    Heartbeat(HeartbeatRequest, Reply<()>),
    Inspection(InspectionRequest, Reply<LookupAnswer>),
    BootRequest(String),
    /// A piece of its log from the agent with this token.
    Log(Token, LogPiece, Reply<LogTaken>),
    /// The agent's command list, as a poll found it.
    Commands {
        wait: String,
        commands: CommandList,
    },
    /// The agent does not answer, and the BMC says that the machine is off.
    LostPower {
        wait: String,
    },
    /// The BMC says that the machine is off while its ramdisk was to come up; the wait began then.
    OffAtBoot {
        since: Timestamp,
    },
    /// The agent does not answer, and another ramdisk has looked up.
    LostAgent {
        wait: String,
    },
    /// The agent does not answer, and the BMC shows that the machine has started since it began not to.
    StartedAgain {
        wait: String,
    },
}

/// The unread messages of all nodes.
#[derive(Clone, Default)]
pub(super) struct Inboxes(Arc<Mutex<BTreeMap<NodeId, Inbox>>>);

#[derive(Default)]
struct Inbox {
    messages: VecDeque<Message>,
    arrived: Arc<Notify>,
}

/// The inbox has no room.
#[derive(Debug)]
pub(super) struct Full;

impl Inboxes {
    pub(super) fn put(&self, node: NodeId, message: Message) -> Result<(), Full> {
        let mut inboxes = self.0.lock();
        let inbox = inboxes.entry(node).or_default();
        if inbox.messages.len() >= LIMIT {
            return Err(Full);
        }
        inbox.messages.push_back(message);
        inbox.arrived.notify_one();
        Ok(())
    }

    /// The oldest unread message.
    pub(super) fn take(&self, node: NodeId) -> Option<Message> {
        let mut inboxes = self.0.lock();
        let inbox = inboxes.get_mut(&node)?;
        let message = inbox.messages.pop_front();
        // Somebody who listens holds the notifier too; then the inbox must stay the same one.
        if inbox.messages.is_empty() && Arc::strong_count(&inbox.arrived) == 1 {
            inboxes.remove(&node);
        }
        message
    }

    pub(super) fn has_unread(&self, node: NodeId) -> bool {
        self.0
            .lock()
            .get(&node)
            .is_some_and(|inbox| !inbox.messages.is_empty())
    }

    /// Forgets everything; whoever waits for an answer is told that there is none.
    pub(super) fn clear(&self, node: NodeId) {
        self.0.lock().remove(&node);
    }

    /// Ends when there is something to read. For the holder of the node's lock only.
    pub(super) async fn arrived(&self, node: NodeId) {
        let arrived = {
            let mut inboxes = self.0.lock();
            let inbox = inboxes.entry(node).or_default();
            if !inbox.messages.is_empty() {
                return;
            }
            inbox.arrived.clone()
        };
        arrived.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NODE: NodeId = NodeId(Uuid::nil());

    fn request(what: &str) -> Message {
        Message::BootRequest(what.to_owned())
    }

    #[tokio::test]
    async fn messages_are_read_in_order() {
        let inboxes = Inboxes::default();
        inboxes.put(NODE, request("script")).unwrap();
        inboxes.put(NODE, request("kernel")).unwrap();
        inboxes.arrived(NODE).await;
        for expected in ["script", "kernel"] {
            let Some(Message::BootRequest(what)) = inboxes.take(NODE) else {
                panic!("no message");
            };
            assert_eq!(what, expected);
        }
        assert!(inboxes.take(NODE).is_none());
    }

    #[tokio::test]
    async fn a_message_wakes_the_listener() {
        let inboxes = Inboxes::default();
        let put = async { inboxes.put(NODE, request("script")).unwrap() };
        tokio::join!(inboxes.arrived(NODE), put);
    }

    #[test]
    fn an_inbox_has_a_limit() {
        let inboxes = Inboxes::default();
        for _ in 0..LIMIT {
            inboxes.put(NODE, request("script")).unwrap();
        }
        assert!(inboxes.put(NODE, request("script")).is_err());
    }
}
