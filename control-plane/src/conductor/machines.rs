//! What machines say to the conductor: finds the node that is meant and puts the message into its inbox.

use super::Conductor;
use super::inbox::{Message, Reply};
use super::inspection::{self, bmc_addresses};
use super::requests::{
    HeartbeatRequest, InspectionRequest, LookupAnswer, LookupRequest, RequestError,
};
use super::walk::Walk;
use ferric_model::ids::{MacAddress, NodeId};
use ferric_model::node::{Node, Object};
use ferric_model::port::Port;
use ferric_model::state::ProvisionState;
use ferric_store::{FieldValue, Key, Query, Table};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::oneshot;

/// The holder of a lock reads messages while it waits for a BMC, so an answer comes soon or not at all.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Every failure is the same one, so that nothing leaks.
pub(super) fn unknown() -> RequestError {
    RequestError::NotFound("no node with these addresses expects a ramdisk".to_owned())
}

fn only(nodes: &BTreeSet<NodeId>) -> Option<NodeId> {
    nodes.first().copied().filter(|_| nodes.len() == 1)
}

impl Conductor {
    /// Which node asks.
    pub(super) async fn asker(&self, request: &LookupRequest) -> Result<NodeId, RequestError> {
        self.find_machine(request.node_uuid, &request.addresses)
            .await
    }

    pub(super) async fn do_lookup(
        &self,
        node: NodeId,
        request: LookupRequest,
    ) -> Result<LookupAnswer, RequestError> {
        self.say(node, |reply| Message::Lookup(request, reply))
            .await
    }

    pub(super) async fn do_heartbeat(
        &self,
        id: NodeId,
        request: HeartbeatRequest,
    ) -> Result<(), RequestError> {
        // Whose heartbeat it is says the message's reader; here it is enough that there is such a node.
        if self
            .store()
            .outline(&Key::new(Table::Node, id), &[])
            .await?
            .is_none()
        {
            return Err(RequestError::NotFound(format!(
                "Node {id} could not be found."
            )));
        }
        self.say(id, |reply| Message::Heartbeat(request, reply))
            .await
    }

    /// Which node the data is about; `None`: nobody has any of these addresses.
    pub(super) async fn inspected(
        &self,
        request: &InspectionRequest,
    ) -> Result<Option<NodeId>, RequestError> {
        let addresses = inspection::addresses(&request.data);
        if let Some(id) = request.node_uuid {
            return self.named_machine(id, &addresses).await.map(Some);
        }
        let owners = self.owners(&addresses).await?;
        if let Some(node) = only(&owners) {
            return Ok(Some(node));
        }
        let by_bmc = self.find_by_bmc(&request.data).await?;
        match only(&by_bmc) {
            Some(node) => Ok(Some(node)),
            None if owners.is_empty() && by_bmc.is_empty() => Ok(None),
            None => Err(unknown()),
        }
    }

    pub(super) async fn do_inspection(
        &self,
        node: NodeId,
        request: InspectionRequest,
    ) -> Result<LookupAnswer, RequestError> {
        self.say(node, |reply| Message::Inspection(request, reply))
            .await
    }

    /// The node with this id, unless the addresses are those of another one.
    async fn named_machine(
        &self,
        id: NodeId,
        addresses: &[MacAddress],
    ) -> Result<NodeId, RequestError> {
        let node = self.find_machine(Some(id), &[]).await?;
        let owners = self.owners(addresses).await?;
        if owners.iter().all(|owner| *owner == node) {
            Ok(node)
        } else {
            Err(unknown())
        }
    }

    /// The nodes under inspection whose BMC has an address that the ramdisk found.
    async fn find_by_bmc(&self, data: &Object) -> Result<BTreeSet<NodeId>, RequestError> {
        let addresses = bmc_addresses::in_data(data);
        if addresses.is_empty() {
            return Ok(BTreeSet::new());
        }
        let states = [ProvisionState::Inspecting, ProvisionState::InspectWait];
        let states = states.map(|state| FieldValue::Text(state.name().to_owned()));
        let query = Query::all(Table::Node).filter("provision_state", states.to_vec());
        let (mut walk, mut found) = (Walk::new(query), BTreeSet::new());
        while let Some(records) = walk.next(self.store().as_ref()).await? {
            for record in records {
                let node: Node = record.decode()?;
                if bmc_addresses::match_any(&node.internal_info, &addresses) {
                    found.insert(node.uuid);
                }
            }
        }
        Ok(found)
    }

    /// The one node with this id, or with ports of these addresses. Every other case is not found, so that nothing leaks.
    async fn find_machine(
        &self,
        id: Option<NodeId>,
        addresses: &[MacAddress],
    ) -> Result<NodeId, RequestError> {
        if let Some(id) = id {
            let found = self.node(id).await.map_err(|error| match error {
                RequestError::NotFound(_) => unknown(),
                // A store that is away knows every node when it is back.
                other => other,
            });
            return Ok(found?.uuid);
        }
        only(&self.owners(addresses).await?).ok_or_else(unknown)
    }

    /// The nodes with ports of these addresses.
    pub(super) async fn owners(
        &self,
        addresses: &[MacAddress],
    ) -> Result<BTreeSet<NodeId>, RequestError> {
        if addresses.is_empty() {
            return Ok(BTreeSet::new());
        }
        let wanted = addresses
            .iter()
            .map(|address| FieldValue::Text(address.to_string()))
            .collect();
        let page = self
            .store()
            .page(&Query::all(Table::Port).filter("address", wanted))
            .await?;
        let ports = page
            .records
            .iter()
            .map(ferric_store::Record::decode::<Port>)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(ports.into_iter().map(|port| port.node_uuid).collect())
    }

    pub(super) async fn say<T>(
        &self,
        node: NodeId,
        message: impl FnOnce(Reply<T>) -> Message,
    ) -> Result<T, RequestError> {
        let (reply, answer) = oneshot::channel();
        self.tell(node, message(reply))?;
        let busy = |reason: &str| RequestError::Busy {
            reason: reason.to_owned(),
            retry_after_s: 5,
        };
        match tokio::time::timeout(ANSWER_LIMIT, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_closed)) => Err(busy(
                "the conductor is stopping, or the node is being deleted",
            )),
            Err(_elapsed) => Err(busy("the node's work does not come to an end")),
        }
    }

    /// Puts a message into the node's inbox and has it read.
    pub(super) fn tell(&self, node: NodeId, message: Message) -> Result<(), RequestError> {
        if self.stopping() || self.inboxes().put(node, message).is_err() {
            return Err(RequestError::Busy {
                reason: "the node has too many unread messages, or the conductor is stopping"
                    .to_owned(),
                retry_after_s: 5,
            });
        }
        self.nudge(node);
        Ok(())
    }
}
