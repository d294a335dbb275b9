//! Whether whoever was let in still may: for answers that go on for longer than a token, or an owner, may last.

use super::{Access, Gate, Rule, Target, rules};
use crate::auth::{Caller, Refusal};
use crate::conductor::Conductor;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_store::{Key, StoreError, Table};
use http::HeaderMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long it may go unnoticed that a token has ended, and on a quiet stream that a node belongs to somebody else.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// Why an answer ends.
#[derive(Debug, thiserror::Error)]
pub(in crate::api) enum Lost {
    #[error("the caller is not known any more: {0:?}")]
    Caller(Refusal),
    #[error("the caller has lost access")]
    Access,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What one caller was let in by, and to what.
pub(in crate::api) struct Standing {
    gate: Gate,
    /// Of the request; they hold the token.
    headers: HeaderMap,
    access: Access,
    rule: Rule,
    /// The node that it is about; `None`: no node in particular.
    node: Option<NodeId>,
    checked_at: Instant,
}

impl Standing {
    /// As the layer has just found it.
    pub(in crate::api) fn new(
        (gate, headers): (Gate, HeaderMap),
        access: Access,
        rule: Rule,
        node: Option<NodeId>,
    ) -> Self {
        Self {
            gate,
            headers,
            access,
            rule,
            node,
            checked_at: Instant::now(),
        }
    }

    /// Before something is sent: whose the node is counts at once.
    pub(in crate::api) async fn may_send(&mut self, conductor: &Conductor) -> Result<(), Lost> {
        if self.checked_at.elapsed() >= CHECK_EVERY {
            return self.check(conductor).await;
        }
        self.check_access(conductor).await
    }

    /// Again and again while nothing is sent.
    pub(in crate::api) async fn holds(&mut self, conductor: &Conductor) -> Result<(), Lost> {
        if self.checked_at.elapsed() >= CHECK_EVERY {
            return self.check(conductor).await;
        }
        Ok(())
    }

    async fn check(&mut self, conductor: &Conductor) -> Result<(), Lost> {
        let caller = self.gate.authenticator().caller(&self.headers).await;
        // The rules may be others by now, too.
        self.access = Access::new(caller.map_err(Lost::Caller)?, self.gate.policy());
        self.checked_at = Instant::now();
        self.check_access(conductor).await
    }

    async fn check_access(&self, conductor: &Conductor) -> Result<(), Lost> {
        if let Caller::Trusted { .. } = self.access.0.caller {
            return Ok(());
        }
        let is_allowed = match self.node {
            None => self.access.allows(&self.rule, Target::NOBODYS),
            Some(id) => match conductor.store().get(&Key::new(Table::Node, id)).await? {
                Some(record) => {
                    let node: Node = record.decode()?;
                    let target = Target::of_node(&node);
                    self.access.allows(&rules::NODE_GET, target)
                        && self.access.allows(&self.rule, target)
                }
                // Whoever saw it may see how it went.
                None => true,
            },
        };
        match is_allowed {
            true => Ok(()),
            false => Err(Lost::Access),
        }
    }
}
