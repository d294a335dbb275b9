//! A new node whose hardware type is not enabled here is made by a conductor that has it: only there its interfaces are
//! known.

use super::call::NodeCall;
use super::peers::Peer;
use super::{Handed, busy};
use crate::conductor::Conductor;
use crate::conductor::requests::RequestError;
use ferric_model::conductor::ConductorRecord;
use ferric_model::node::Node;
use ferric_store::{Entity, Key};
use tokio::time::Instant;

impl Conductor {
    pub(in crate::conductor) async fn create_where_known(
        &self,
        node: Node,
    ) -> Result<Node, RequestError> {
        let peer = self.maker_of(&node).await?;
        let node = Box::new(node);
        let call = NodeCall::CreateNode { node };
        let Some(peer) = peer else {
            return self.perform(call).await?.node();
        };
        let deadline = Instant::now() + self.forward_limit(&call);
        match self.hand_to(&peer, &call, deadline).await {
            Handed::Answered(answer) => answer?.node(),
            Handed::NotDone(reason) => Err(busy(reason)),
        }
    }

    /// Whether this hardware type is enabled here.
    pub(in crate::conductor) fn knows(&self, driver: &str) -> bool {
        self.enabled().hardware_types().contains(&driver)
    }

    /// Another conductor that is to make the node; `None`: this one is, or is to say why nobody can.
    async fn maker_of(&self, node: &Node) -> Result<Option<Peer>, RequestError> {
        let is_known = self.knows(&node.driver);
        if is_known || self.store().is_exclusive() || self.settings().cluster.is_none() {
            return Ok(None);
        }
        if self.store().get(&node.key()).await?.is_some() {
            return Err(RequestError::Conflict(format!(
                "A node with UUID {} already exists.",
                node.uuid
            )));
        }
        let rings = self.rings().await?;
        let Ok(host) = rings.host(&node.conductor_group, &node.driver, node.uuid) else {
            return Ok(None);
        };
        let key = Key::new(ConductorRecord::TABLE, host);
        let Some(record) = self.store().get(&key).await? else {
            return Ok(None);
        };
        let record: ConductorRecord = record.decode()?;
        let host = record.hostname;
        Ok(record.address.map(|address| Peer { host, address }))
    }
}
