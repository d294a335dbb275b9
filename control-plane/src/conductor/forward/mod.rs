//! Any conductor takes any request; the owner of the node does it. Here it is found out who that is, and the work is done
//! or handed on.
//!
//! A call is handed on once only: what was sent and not answered may have been done. What did not reach the owner, or came
//! to one that has lost the node since, was not, and goes to whoever has it now. Nobody hands on what was handed to it.

mod answer;
mod call;
mod creation;
mod figures;
mod machine;
mod named;
mod peers;
mod perform;
mod refusal;
mod visit;

#[cfg(test)]
mod tests;

pub(super) use answer::NodeAnswer;
pub(super) use call::{MediaChange, NodeCall, Update};
pub(super) use figures::Figures;
pub use figures::ForwardFigures;
pub(super) use machine::MachineCall;
pub(super) use peers::NoPeers;
pub use peers::{Certificate, CertificateKind, Peer, PeerError, Peers, Tell};
pub(super) use visit::Visit;

use super::Conductor;
use super::planted::Planted;
use super::requests::RequestError;
use super::steps::chain;
use crate::config::{Cluster, seconds};
use call::Reply;
use ferric_model::conductor::ConductorRecord;
use ferric_model::ids::{Incarnation, NodeId};
use ferric_model::node::Node;
use ferric_store::{Entity, Key};
use figures::Failed;
use std::time::Duration;
use tokio::time::Instant;

/// How often the owner is looked for, when the one that was found turns out to have lost the node.
const ATTEMPTS: usize = 3;
/// When a client is to come again whose node has no owner that can be reached: a takeover takes longer than that.
const RETRY_S: u32 = 10;
/// A line on a timeline, or in an explanation, is not worth more.
const NOTE_LIMIT: Duration = Duration::from_secs(5);
/// A node is given away without waiting for anything but the store, and there are other candidates.
const CLAIM_LIMIT: Duration = Duration::from_secs(10);

/// Whose the node is.
enum Owner {
    /// Ours, or there is no such node, which can be said here as well.
    Here,
    Other(Peer, Incarnation),
    /// Of nobody who could be asked; why.
    Unreachable(String),
}

/// What came of handing a call on.
enum Handed {
    Answered(Result<NodeAnswer, RequestError>),
    /// It was not done; why.
    NotDone(String),
}

impl Conductor {
    /// Has the call done by the node's owner, be it this conductor or another one.
    pub(super) async fn at_owner(&self, call: NodeCall) -> Result<NodeAnswer, RequestError> {
        let deadline = Instant::now() + self.forward_limit(&call);
        let mut refused: Option<(Incarnation, String)> = None;
        for _ in 0..ATTEMPTS {
            let (peer, incarnation) = match self.owner_of(call.node()).await? {
                Owner::Here => return self.perform(call).await,
                Owner::Unreachable(reason) => return Err(busy(reason)),
                Owner::Other(peer, incarnation) => (peer, incarnation),
            };
            if let Some((_, reason)) = refused.filter(|(who, _)| *who == incarnation) {
                return Err(busy(reason));
            }
            match self.hand_to(&peer, &call, deadline).await {
                Handed::Answered(answer) => return answer,
                Handed::NotDone(_) if self.planted(Planted::ForwardedTwice) => refused = None,
                Handed::NotDone(reason) => refused = Some((incarnation, reason)),
            }
        }
        let reason = format!("Node {} changes hands at this moment", call.node());
        Err(busy(reason))
    }

    /// Does what another conductor hands over, or says that the node is not ours. Both are JSON.
    pub async fn take_call(&self, call: &[u8]) -> Vec<u8> {
        let reply = match NodeCall::parse(call) {
            Ok(call) => self.reply_to(call).await,
            // Without its source, which quotes what it stumbled over.
            Err(error) => Reply::NotUnderstood {
                reason: error.to_string(),
            },
        };
        serde_json::to_vec(&reply).unwrap_or_else(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "an answer to another conductor could not be written"
            );
            Vec::new()
        })
    }

    async fn reply_to(&self, call: NodeCall) -> Reply {
        let outcome = match self.owner_of(call.node()).await {
            Ok(Owner::Here) => self.perform(call).await,
            Ok(Owner::Other(..) | Owner::Unreachable(_)) => return Reply::NotMine,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(answer) => Reply::Done(answer),
            Err(error) => {
                if let RequestError::Internal { doing, source } = &error {
                    let cause: &dyn std::error::Error = source.as_ref();
                    tracing::error!(error = cause, "{doing} failed, for another conductor");
                }
                Reply::Refused((&error).into())
            }
        }
    }

    async fn owner_of(&self, id: NodeId) -> Result<Owner, RequestError> {
        let Some((node, _)) = self.standing_node(id).await? else {
            return Ok(Owner::Here);
        };
        let Some(owner) = node.ownership.clone() else {
            let reason = format!("Node {id} has no conductor yet: one takes it over soon");
            return Ok(Owner::Unreachable(reason));
        };
        if owner.incarnation == self.incarnation() {
            return Ok(Owner::Here);
        }
        let key = Key::new(ConductorRecord::TABLE, &owner.conductor);
        let known = self.store().get(&key).await?;
        let known: Option<ConductorRecord> = known.map(|record| record.decode()).transpose()?;
        let host = owner.conductor;
        let Some(known) =
            known.filter(|record| record.online && record.incarnation == owner.incarnation)
        else {
            let reason = self.orphaned(&host, &node).await?;
            return Ok(Owner::Unreachable(reason));
        };
        Ok(match known.address {
            Some(address) if self.settings().cluster.is_some() => {
                Owner::Other(Peer { host, address }, owner.incarnation)
            }
            _ => Owner::Unreachable(format!(
                "Node {id} belongs to conductor {host}: ask that one, or give both conductors a [cluster] section, \
                 so that each takes requests for the other's nodes"
            )),
        })
    }

    async fn orphaned(&self, host: &str, node: &Node) -> Result<String, RequestError> {
        let id = node.uuid;
        let gone = format!("Conductor {host}, which node {id} belongs to, is not running");
        let rings = self.rings().await?;
        Ok(match rings.host(&node.conductor_group, &node.driver, id) {
            Ok(_) => format!("{gone}: another one takes the node over soon"),
            Err(nobody) => format!(
                "{gone}, and {nobody}: start one that does, or give the node a conductor group that has one"
            ),
        })
    }

    async fn hand_to(&self, peer: &Peer, call: &NodeCall, deadline: Instant) -> Handed {
        let began = Instant::now();
        let (handed, outcome) = self.try_to_hand(peer, call, deadline).await;
        let took = match call {
            // That is how long there was nothing to ask of an agent, and says nothing of the way.
            NodeCall::Visit { .. } => Duration::ZERO,
            _ => began.elapsed(),
        };
        self.figures_of_forwards().note(outcome, took);
        handed
    }

    async fn try_to_hand(
        &self,
        peer: &Peer,
        call: &NodeCall,
        deadline: Instant,
    ) -> (Handed, Result<(), Failed>) {
        let body = match serde_json::to_vec(call) {
            Ok(body) => body,
            Err(error) => {
                let error = RequestError::internal("writing to another conductor", error);
                return (Handed::Answered(Err(error)), Err(Failed::NotReached));
            }
        };
        let (host, node) = (&peer.host, call.node());
        let limit = deadline.saturating_duration_since(Instant::now());
        let answer = match self.peers().call(peer, body, limit).await {
            Ok(answer) => answer,
            Err(PeerError::NotReached(cause)) => {
                let cause = chain(cause.as_ref());
                tracing::warn!(%node, peer = %host, cause, "another conductor was not reached");
                let handed = Handed::NotDone(format!(
                    "Conductor {host}, which node {node} belongs to, cannot be reached: nothing was done"
                ));
                return (handed, Err(Failed::NotReached));
            }
            Err(PeerError::Unanswered(_)) if self.planted(Planted::ForwardedTwice) => {
                let handed = Handed::NotDone("it did not answer".to_owned());
                return (handed, Err(Failed::Unanswered));
            }
            Err(PeerError::Unanswered(cause)) => {
                let cause = chain(cause.as_ref());
                tracing::warn!(%node, peer = %host, cause, "another conductor did not answer");
                let handed = Handed::Answered(Err(unanswered(host, node)));
                return (handed, Err(Failed::Unanswered));
            }
        };
        understood(&answer, host, node)
    }

    fn forward_limit(&self, call: &NodeCall) -> Duration {
        let set = self.settings().cluster.as_ref();
        let limit = seconds(set.map_or(Cluster::FORWARD_TIMEOUT_S, |set| set.forward_timeout_s));
        match call {
            NodeCall::NoteBootRequest { .. } | NodeCall::LockedFor { .. } => limit.min(NOTE_LIMIT),
            NodeCall::Allocate { .. } => limit.min(CLAIM_LIMIT),
            _ => limit,
        }
    }
}

/// What another conductor says of a call, and whether it has done or refused it.
fn understood(answer: &[u8], host: &str, node: NodeId) -> (Handed, Result<(), Failed>) {
    match serde_json::from_slice(answer) {
        Ok(Reply::Done(answer)) => (Handed::Answered(Ok(answer)), Ok(())),
        Ok(Reply::Refused(refusal)) => (Handed::Answered(Err(refusal.into_error(host))), Ok(())),
        Ok(Reply::NotMine) => {
            let reason = format!(
                "Node {node} does not belong to conductor {host} any more: it changes hands"
            );
            (Handed::NotDone(reason), Err(Failed::NotOwner))
        }
        Ok(Reply::NotUnderstood { reason }) => {
            let reason = format!(
                "Conductor {host}, which node {node} belongs to, is of an older version and does not know the request \
                 ({reason}): nothing was done; upgrade it, or ask it in its own words"
            );
            (Handed::NotDone(reason), Err(Failed::NotUnderstood))
        }
        Err(error) => {
            // The error itself would quote what it stumbled over, which may be a token.
            let (at, kind) = (error.column(), error.classify());
            tracing::warn!(%node, peer = %host, at, ?kind, "another conductor's answer cannot be read");
            let handed = Handed::Answered(Err(unanswered(host, node)));
            (handed, Err(Failed::Unreadable))
        }
    }
}

fn busy(reason: String) -> RequestError {
    RequestError::Busy {
        reason,
        retry_after_s: RETRY_S,
    }
}

fn unanswered(host: &str, node: NodeId) -> RequestError {
    RequestError::Unanswered(format!(
        "Conductor {host} was given the request for node {node} and did not answer: it may have been done or may still \
         be; look at the node and its timeline (/ferric/v1/nodes/{node}/timeline) before you ask again"
    ))
}
