//! Requests for agents that open no port: each lies here until its answer has come, or whoever asked waits no longer.
//!
//! In memory of the node's owner only. A request that was fetched stays, because nobody knows whether it has arrived; the
//! agent names what it has, and is given the rest. Each is for the agent with one token: what was asked of a ramdisk is
//! not to be done by the one that the machine has booted after it.

use ferric_agent_protocol::dial_out::{DialOutAnswer, DialOutRequest};
use ferric_model::ids::NodeId;
use ferric_model::node::agent_session::Token;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

/// More requests for one agent at the same time are a fault of ours.
const LIMIT: usize = 64;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    #[error("the agent, which opens no port, did not come for it in time")]
    NotFetched,
    #[error("the agent, which opens no port, came for it and brought no answer in time")]
    NotBrought,
    #[error("too much lies there for the agent to fetch")]
    Full,
    #[error("its node was given to another conductor, or deleted")]
    Cleared,
}

/// Nobody waits for the answer that was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conductor) struct Late;

/// Those of all agents. Clones are the same ones.
#[derive(Clone, Default)]
pub(in crate::conductor) struct Mailboxes(Arc<Mutex<BTreeMap<NodeId, Mailbox>>>);

#[derive(Default)]
struct Mailbox {
    requests: Vec<Lying>,
    /// Tells those who hold a question; they are there as long as it has receivers.
    arrived: watch::Sender<()>,
}

struct Lying {
    token: Token,
    request: Arc<DialOutRequest>,
    answer: oneshot::Sender<DialOutAnswer>,
    was_fetched: bool,
}

impl Mailboxes {
    /// Lays a request down and waits for its answer.
    pub(super) async fn ask(
        &self,
        node: NodeId,
        token: Token,
        request: DialOutRequest,
        limit: Duration,
    ) -> Result<DialOutAnswer, Unanswered> {
        let (answer, brought) = oneshot::channel();
        let asker = self.put(node, token, request, answer)?;
        match timeout(limit, brought).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_closed)) => Err(Unanswered::Cleared),
            Err(_elapsed) => Err(asker.missed()),
        }
    }

    fn put(
        &self,
        node: NodeId,
        token: Token,
        request: DialOutRequest,
        answer: oneshot::Sender<DialOutAnswer>,
    ) -> Result<Asker, Unanswered> {
        let mut boxes = self.0.lock();
        let mailbox = boxes.entry(node).or_default();
        if mailbox.requests.len() >= LIMIT {
            return Err(Unanswered::Full);
        }
        let id = request.id;
        mailbox.requests.push(Lying {
            token,
            request: Arc::new(request),
            answer,
            was_fetched: false,
        });
        mailbox.arrived.send_replace(());
        drop(boxes);
        let mailboxes = self.clone();
        Ok(Asker {
            mailboxes,
            node,
            id,
        })
    }

    /// The oldest request for the agent with this token that it does not know, as soon as there is one within `hold`.
    pub(in crate::conductor) async fn take(
        &self,
        node: NodeId,
        token: &Token,
        known: &[Uuid],
        hold: Duration,
    ) -> Option<Arc<DialOutRequest>> {
        let deadline = Instant::now() + hold;
        let mut visitor = self.visit(node);
        loop {
            if let Some(request) = self.find(node, token, known) {
                return Some(request);
            }
            match timeout_at(deadline, visitor.arrived.changed()).await {
                Ok(Ok(())) => {}
                // The time is up, or the mailbox was cleared.
                Err(_) | Ok(Err(_)) => return None,
            }
        }
    }

    fn visit(&self, node: NodeId) -> Visitor {
        let mut boxes = self.0.lock();
        let arrived = boxes.entry(node).or_default().arrived.subscribe();
        drop(boxes);
        let mailboxes = self.clone();
        Visitor {
            mailboxes,
            node,
            arrived,
        }
    }

    fn find(&self, node: NodeId, token: &Token, known: &[Uuid]) -> Option<Arc<DialOutRequest>> {
        let mut boxes = self.0.lock();
        let mut requests = boxes.get_mut(&node)?.requests.iter_mut();
        let lying =
            requests.find(|lying| lying.token == *token && !known.contains(&lying.request.id))?;
        lying.was_fetched = true;
        Some(Arc::clone(&lying.request))
    }

    /// Hands an answer to whoever waits for it.
    pub(in crate::conductor) fn bring(
        &self,
        node: NodeId,
        id: Uuid,
        answer: DialOutAnswer,
    ) -> Result<(), Late> {
        let lying = self.remove(node, id).ok_or(Late)?;
        lying.answer.send(answer).map_err(|_answer| Late)
    }

    /// Ends every wait and every question.
    pub(in crate::conductor) fn clear(&self, node: NodeId) {
        self.0.lock().remove(&node);
    }

    fn remove(&self, node: NodeId, id: Uuid) -> Option<Lying> {
        let mut boxes = self.0.lock();
        let requests = &mut boxes.get_mut(&node)?.requests;
        let place = requests.iter().position(|lying| lying.request.id == id)?;
        Some(requests.remove(place))
    }

    /// Forgets a mailbox that is empty and has no more than so many visitors.
    fn forget(&self, node: NodeId, visitors: usize) {
        let mut boxes = self.0.lock();
        let is_idle = |mailbox: &Mailbox| {
            mailbox.requests.is_empty() && mailbox.arrived.receiver_count() <= visitors
        };
        if boxes.get(&node).is_some_and(is_idle) {
            boxes.remove(&node);
        }
    }
}

/// Whoever waits for an answer; with it goes the request.
struct Asker {
    mailboxes: Mailboxes,
    node: NodeId,
    id: Uuid,
}

impl Asker {
    fn missed(&self) -> Unanswered {
        let lying = self.mailboxes.remove(self.node, self.id);
        match lying {
            Some(lying) if !lying.was_fetched => Unanswered::NotFetched,
            _ => Unanswered::NotBrought,
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        drop(self.mailboxes.remove(self.node, self.id));
        self.mailboxes.forget(self.node, 0);
    }
}

/// An agent whose question is held.
struct Visitor {
    mailboxes: Mailboxes,
    node: NodeId,
    arrived: watch::Receiver<()>,
}

impl Drop for Visitor {
    fn drop(&mut self) {
        // This one is still counted.
        self.mailboxes.forget(self.node, 1);
    }
}

#[cfg(test)]
mod tests;
