//! The part of the node's owner: an item is carried out under the node's lock, if it is still queued then.

use super::errand::Errand;
use super::with_item;
use crate::conductor::Conductor;
use crate::conductor::node_task::NodeTask;
use crate::conductor::requests::{NO_ROOM_RETRY_S, ProvisionRequest, RequestError};
use ferric_model::bulk::{BulkItem, BulkRequest, BulkState, BulkWork, Hidden};
use ferric_model::ids::NodeId;
use ferric_store::{Key, Revision, StoreError, Table, Transaction};
use serde::{Deserialize, Serialize};

const PURPOSE: &str = "carrying out a bulk request";

/// What came of an item that was handed to the owner of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Carried {
    /// It has begun, now or before, or never will.
    Over,
    /// There is no room for it: nothing was done.
    NoRoom,
    /// Somebody works on the node, or it cannot be written at this moment: nothing was done.
    Held,
}

impl Conductor {
    pub(in crate::conductor) async fn do_carry_out(
        &self,
        node: NodeId,
        item: &str,
    ) -> Result<Carried, RequestError> {
        let task = match self.task(node, PURPOSE).await {
            Err(RequestError::Conflict(_)) => return Ok(Carried::Held),
            task => task?,
        };
        let Some((queued, revision)) = self.queued_item(item).await? else {
            return Ok(Carried::Over);
        };
        if !queued.mandate.holds(&task.node) {
            let text = format!("Node {node} could not be found.");
            return Err(RequestError::NotFound(text));
        }
        match self.begin_item(task, (queued, revision)).await {
            Ok(()) => {}
            Err(error) if is_for_room(&error) => return Ok(Carried::NoRoom),
            Err(error) if is_passing(&error) => return Ok(Carried::Held),
            Err(error) => return Err(error),
        }
        // Where there was nothing to do, nothing was written.
        if let Some((queued, revision)) = self.queued_item(item).await? {
            let done = queued.with_state(BulkState::Done, self.now());
            let done = with_item(Transaction::new(), &done, revision);
            self.store().commit(done).await?;
        }
        Ok(Carried::Over)
    }

    async fn begin_item(
        &self,
        task: NodeTask,
        (mut item, revision): (BulkItem, Revision),
    ) -> Result<(), RequestError> {
        let work = item.work.take();
        match work {
            Some(BulkWork::Provision {
                request,
                common_configdrive,
                ..
            }) => {
                let mut request = provision_request(request)?;
                if common_configdrive {
                    request.configdrive = self.common_configdrive(&item).await?;
                }
                let task = task.on_errand(Errand { item, revision });
                self.provision_locked(task, request).await
            }
            Some(BulkWork::Delete) => {
                let task = task.on_errand(Errand { item, revision });
                self.destroy_locked(task).await
            }
            Some(BulkWork::Enrol { .. }) | None => Err(RequestError::internal(
                "carrying out an item of a bulk request",
                "it says nothing that could be done to a node",
            )),
        }
    }

    async fn common_configdrive(
        &self,
        item: &BulkItem,
    ) -> Result<Option<serde_json::Value>, RequestError> {
        let key = Key::new(Table::BulkRequest, item.request);
        let record = self.store().get(&key).await?;
        let request: Option<BulkRequest> = record.map(|record| record.decode()).transpose()?;
        let drive = request.and_then(|request| request.configdrive);
        Ok(drive.map(|drive| drive.0))
    }

    /// A new node with its ports, in the commit that says that they are there.
    pub(super) async fn enrol_item(
        &self,
        mut item: BulkItem,
        revision: Revision,
    ) -> Result<Carried, RequestError> {
        let Some(BulkWork::Enrol { node, ports }) = item.work.take() else {
            return Err(RequestError::internal(
                "enrolling for a bulk request",
                "there is no node in it",
            ));
        };
        let (this, errand) = (self.clone(), Errand { item, revision });
        let enrolled = self
            .tracked(async move { this.enrol_with(*node, &ports, Some(errand)).await })
            .await;
        match enrolled {
            Ok(_) => Ok(Carried::Over),
            Err(error) if is_passing(&error) => Ok(Carried::Held),
            Err(error) => Err(error),
        }
    }

    /// The item, if nobody has begun with it.
    async fn queued_item(&self, id: &str) -> Result<Option<(BulkItem, Revision)>, StoreError> {
        let record = self.store().get(&Key::new(Table::BulkItem, id)).await?;
        let Some(record) = record else {
            return Ok(None);
        };
        let item: BulkItem = record.decode()?;
        let is_queued = item.state == BulkState::Queued;
        Ok(is_queued.then_some((item, record.revision)))
    }
}

fn provision_request(request: Hidden) -> Result<ProvisionRequest, RequestError> {
    serde_json::from_value(request.0).map_err(|error| {
        // The error itself would quote what it stumbled over, which may be a password.
        let kind = format!("{:?}", error.classify());
        RequestError::internal("reading an item of a bulk request", kind)
    })
}

/// As those are told that find no room for one more deploy or clean.
fn is_for_room(error: &RequestError) -> bool {
    matches!(error, RequestError::Busy { retry_after_s, .. } if *retry_after_s == NO_ROOM_RETRY_S)
}

/// Whether it may be done another time.
pub(super) fn is_passing(error: &RequestError) -> bool {
    match error {
        RequestError::Busy { .. } => true,
        RequestError::Internal { source, .. } => matches!(
            source.downcast_ref(),
            Some(StoreError::Backend { .. } | StoreError::Open(_))
        ),
        RequestError::NotFound(_)
        | RequestError::Invalid(_)
        | RequestError::Forbidden(_)
        | RequestError::Conflict(_)
        | RequestError::Unanswered(_) => false,
    }
}
