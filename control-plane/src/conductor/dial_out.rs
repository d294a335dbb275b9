//! An agent that opens no port comes for what it is asked, and brings the answers; any agent may bring its log. It comes
//! to any conductor, which has it done by the node's owner. Whether it is the node's agent is seen from the stored node,
//! before anything is read of a body.

use super::Conductor;
use super::agent::{Late, brings_log, dials_out};
use super::forward::{NodeCall, Visit};
use super::inbox::Message;
use super::requests::RequestError;
use crate::config::{Cluster, seconds};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use ferric_agent_protocol::dial_out::{DialOutAnswer, DialOutRequest, HOLD, MAX_AT_ONCE};
use ferric_agent_protocol::log::{LogPiece, LogTaken};
use ferric_model::ids::NodeId;
use ferric_model::node::agent_session::{AgentSession, Token};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

fn stranger() -> RequestError {
    RequestError::Forbidden(
        "Invalid or missing agent token received, or the agent has not agreed to come here."
            .to_owned(),
    )
}

impl Conductor {
    /// Refuses everybody but the agent of this node, and does not say whether there is such a node.
    ///
    /// A token counts from the lookup on: what the first heartbeat leads to may be asked before that is answered.
    pub async fn admit_agent(&self, node: NodeId, token: &str) -> Result<(), RequestError> {
        self.admit(node, token, dials_out).await
    }

    /// The same for an agent that brings its log, whether it has a port or not.
    pub async fn admit_logging_agent(&self, node: NodeId, token: &str) -> Result<(), RequestError> {
        self.admit(node, token, brings_log).await
    }

    async fn admit(
        &self,
        node: NodeId,
        token: &str,
        has_agreed: fn(&AgentSession) -> bool,
    ) -> Result<(), RequestError> {
        let node = match self.node(node).await {
            Err(RequestError::NotFound(_)) => return Err(stranger()),
            found => found?,
        };
        let session = node.agent.filter(has_agreed).ok_or_else(stranger)?;
        let known = session.token.ok_or_else(stranger)?;
        verify_slices_are_equal(known.0.as_bytes(), token.as_bytes()).map_err(|_| stranger())
    }

    /// The next request for the agent with this token that it does not know yet; `None` after a while without one.
    pub async fn fetch_for_agent(
        &self,
        node: NodeId,
        token: Token,
        known: Vec<Uuid>,
    ) -> Result<Option<Arc<DialOutRequest>>, RequestError> {
        if known.len() > MAX_AT_ONCE {
            return Err(RequestError::Invalid(format!(
                "known names {} requests: no agent works on more than {MAX_AT_ONCE}",
                known.len()
            )));
        }
        let hold = self.hold();
        let visit = Visit::ToFetch { token, known, hold };
        let answer = self.at_owner(NodeCall::Visit { node, visit }).await?;
        answer.dial_out()
    }

    /// An answer of the node's agent; `NotFound` when nobody waits for it any more.
    pub async fn take_agents_answer(
        &self,
        node: NodeId,
        request: Uuid,
        answer: DialOutAnswer,
    ) -> Result<(), RequestError> {
        let visit = Visit::ToBring { request, answer };
        let taken = self.at_owner(NodeCall::Visit { node, visit }).await?;
        taken.nothing()
    }

    /// Lines of the log of the agent with this token, for the timeline; answers up to where they are known now.
    pub async fn take_agents_log(
        &self,
        node: NodeId,
        token: Token,
        piece: LogPiece,
    ) -> Result<LogTaken, RequestError> {
        let visit = Visit::WithLog { token, piece };
        let taken = self.at_owner(NodeCall::Visit { node, visit }).await?;
        taken.log_taken()
    }

    pub(super) async fn do_take_agents_log(
        &self,
        node: NodeId,
        token: Token,
        piece: LogPiece,
    ) -> Result<LogTaken, RequestError> {
        self.say(node, |reply| Message::Log(token, piece, reply))
            .await
    }

    /// How long an agent's question is held: well within the time that another conductor has for its part of it.
    fn hold(&self) -> Duration {
        let set = self.settings().cluster.as_ref();
        let limit = seconds(set.map_or(Cluster::FORWARD_TIMEOUT_S, |set| set.forward_timeout_s));
        HOLD.min(limit / 2)
    }

    /// As a step that has something to ask, for tests of the way there.
    #[cfg(test)]
    pub(crate) async fn send_to_agent(
        &self,
        call: super::AgentCall,
    ) -> Result<super::AgentAnswer, super::TransportError> {
        self.transport().send(call).await
    }

    pub(super) async fn do_fetch_for_agent(
        &self,
        node: NodeId,
        token: &Token,
        known: &[Uuid],
        hold: Duration,
    ) -> Option<Arc<DialOutRequest>> {
        let mailboxes = self.mailboxes();
        let taking = mailboxes.take(node, token, known, hold.min(HOLD));
        if let Some(taken) = self.stop_token().run_until_cancelled(taking).await {
            return taken;
        }
        // A conductor that stops lets nobody wait; the steps that it still finishes may have something to ask.
        mailboxes.take(node, token, known, Duration::ZERO).await
    }

    pub(super) fn do_take_agents_answer(
        &self,
        node: NodeId,
        request: Uuid,
        answer: DialOutAnswer,
    ) -> Result<(), RequestError> {
        let brought = self.mailboxes().bring(node, request, answer);
        brought.map_err(|Late| {
            RequestError::NotFound(format!("Nobody waits for the answer to request {request}."))
        })
    }
}
