//! Allocations: made, changed and given up on request; a worker finds a node for each.
//!
//! Whichever conductor is asked for an allocation looks for its node, and is stored with it; the node is written by its
//! owner (`reserve`). Node and allocation change in one commit, so that of two allocations only one gets a node. Whoever
//! is started, or outlives the conductor that an allocation was left to, goes on with it (`takeover`).

mod candidates;
mod reserve;
mod takeover;
mod worker;

#[cfg(test)]
mod tests;

pub(super) use reserve::{Claim, Claimed};
pub(super) use worker::Workers;

use super::Conductor;
use super::forward::NodeCall;
use super::requests::RequestError;
use ferric_model::allocation::{Allocation, AllocationState};
use ferric_model::ids::{AllocationId, NodeId};
use ferric_store::{
    Entity, Expectation, FieldValue, Key, Query, Record, Revision, StoreError, Table, Transaction,
};

/// How often a change is begun again because somebody wrote the allocation in between.
const ATTEMPTS: u32 = 5;

impl Conductor {
    /// An allocation that asks for nothing yet, and is left to this conductor.
    pub fn new_allocation(&self, id: AllocationId) -> Allocation {
        Allocation::new(id, self.worker(), self.now())
    }

    /// Stores a new one and begins to look for its node; answers before one is found.
    ///
    /// # Errors
    /// Conflict when its UUID or its name is taken.
    pub async fn create_allocation(
        &self,
        allocation: Allocation,
    ) -> Result<Allocation, RequestError> {
        let this = self.clone();
        self.tracked(async move {
            let transaction = Transaction::new()
                .expect(Expectation::Absent(allocation.key()))
                .put(&allocation);
            let stored = this.store().commit(transaction).await;
            stored.map_err(|error| refused(error, &allocation))?;
            this.begin_allocating(allocation.uuid);
            Ok(allocation)
        })
        .await
    }

    /// Stores a new one for a node that is active already.
    ///
    /// # Errors
    /// Conflict when its UUID or its name is taken, or the node is not what it asks for, not active, or another
    /// instance's; nothing is stored then.
    pub async fn backfill_allocation(
        &self,
        node: NodeId,
        allocation: Allocation,
    ) -> Result<Allocation, RequestError> {
        let allocation = Box::new(allocation);
        let call = NodeCall::Backfill { node, allocation };
        self.at_owner(call).await?.allocation()
    }

    /// Changes name and extra from what they are in `old` to what they are in `new`, whatever its worker has stored since.
    ///
    /// # Errors
    /// Conflict when somebody else has changed them, or when the new name is taken.
    pub async fn update_allocation(
        &self,
        old: &Record,
        new: Allocation,
    ) -> Result<Allocation, RequestError> {
        let (this, before): (_, Allocation) = (self.clone(), old.decode()?);
        let mut revision = old.revision;
        self.tracked(async move {
            let (id, mut now) = (new.uuid, before.clone());
            for _ in 0..ATTEMPTS {
                if (&now.name, &now.extra) != (&before.name, &before.extra) {
                    break;
                }
                now.name.clone_from(&new.name);
                now.extra.clone_from(&new.extra);
                now.updated_at = Some(this.now());
                match this.store_allocation(&now, revision).await {
                    Ok(_) => return Ok(now),
                    Err(StoreError::Stale { .. }) => {}
                    Err(error) => return Err(refused(error, &now)),
                }
                (now, revision) = this.allocation(id).await?.ok_or_else(|| not_found(id))?;
            }
            Err(RequestError::Conflict(format!(
                "Allocation {id} has been changed in between: read it again"
            )))
        })
        .await
    }

    /// Deletes it. Its node, if it has one, is free then.
    ///
    /// # Errors
    /// Conflict when its node is active, or on its way somewhere, and not in maintenance.
    pub async fn destroy_allocation(&self, id: AllocationId) -> Result<(), RequestError> {
        for _ in 0..ATTEMPTS {
            let found = self.allocation(id).await?;
            let (allocation, revision) = found.ok_or_else(|| not_found(id))?;
            if let Some(node) = allocation.node_uuid {
                let call = NodeCall::Deallocate {
                    node,
                    allocation: id,
                };
                return self.at_owner(call).await?.nothing();
            }
            let this = self.clone();
            let deleted = self.tracked(async move {
                let transaction = Transaction::new()
                    .expect(Expectation::Revision(allocation.key(), revision))
                    .delete(allocation.key());
                match this.store().commit(transaction).await {
                    Ok(_) => Ok(true),
                    // Its worker was faster.
                    Err(StoreError::Stale { .. }) => Ok(false),
                    Err(error) => Err(error.into()),
                }
            });
            if deleted.await? {
                return Ok(());
            }
        }
        Err(RequestError::Conflict(format!(
            "Allocation {id} changes all the time: try again"
        )))
    }

    /// The allocation as it stands.
    async fn allocation(
        &self,
        id: AllocationId,
    ) -> Result<Option<(Allocation, Revision)>, StoreError> {
        let record = self.store().get(&Key::new(Table::Allocation, id)).await?;
        let decoded = record.map(|record| Ok((record.decode()?, record.revision)));
        decoded.transpose()
    }

    /// Stores a changed one, if it still stands at this revision.
    async fn store_allocation(
        &self,
        allocation: &Allocation,
        revision: Revision,
    ) -> Result<Revision, StoreError> {
        let unchanged = Expectation::Revision(allocation.key(), revision);
        let transaction = Transaction::new().expect(unchanged).put(allocation);
        self.store().commit(transaction).await
    }
}

/// All for which a node is looked for.
fn unfinished() -> Query {
    let state = FieldValue::Text(AllocationState::Allocating.name().to_owned());
    Query::all(Table::Allocation).filter("state", vec![state])
}

/// One that cannot be read must not keep the others from their worker.
fn readable(record: &Record) -> Option<Allocation> {
    let decoded = record.decode();
    decoded
        .inspect_err(|error| {
            let error = error as &dyn std::error::Error;
            tracing::error!(error, "an allocation cannot be read and is left alone");
        })
        .ok()
}

fn not_found(id: AllocationId) -> RequestError {
    RequestError::NotFound(format!("Allocation {id} could not be found."))
}

/// Why an allocation was not stored, in Ironic's words.
fn refused(error: StoreError, allocation: &Allocation) -> RequestError {
    match error {
        StoreError::Stale { ref key, .. } if *key == allocation.key() => {
            RequestError::Conflict(format!(
                "An allocation with UUID {} already exists.",
                allocation.uuid
            ))
        }
        StoreError::NotUnique {
            table: Table::Allocation,
            field: "name",
            value,
            ..
        } => RequestError::Conflict(format!("An allocation with name {value} already exists.")),
        error => error.into(),
    }
}
