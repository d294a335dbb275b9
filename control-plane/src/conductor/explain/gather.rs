//! What an explanation is made of, from the store and from this conductor's memory.

use super::{Explanation, Locked, Owner, Situation, explain, failures};
use crate::conductor::Conductor;
use crate::conductor::forward::{NodeAnswer, NodeCall};
use crate::conductor::requests::RequestError;
use ferric_model::bulk::{BulkItem, BulkState};
use ferric_model::conductor::ConductorRecord;
use ferric_model::event::TimelineEvent;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_store::{Entity, EventFilter, FieldValue, Key, Query, StoreError, Table};

/// Events read at once.
const BATCH: usize = 1000;
/// Of how many batches the newest failures are looked for, and how many are kept.
const BATCHES: usize = 20;
const FAILURES: usize = 100;

impl Conductor {
    /// Why the node is where it is. Asks the store, and its conductor for its lock; no BMC and no machine.
    pub async fn explain(&self, id: NodeId) -> Result<Explanation, RequestError> {
        let node = self.node(id).await?;
        let (failures, owner) = (self.failures(id).await?, self.owner_state(&node).await?);
        Ok(explain(&Situation {
            node: &node,
            locked: &self.lock_of(id, owner).await,
            owner,
            failures: &failures,
            queued: self.waiting_item(id).await?.as_ref(),
            rules: &self.settings().conductor,
            heartbeat_timeout_s: self.settings().agent.heartbeat_timeout_s,
            now: self.now(),
        }))
    }

    /// The newest ones, in their order.
    async fn failures(&self, id: NodeId) -> Result<Vec<TimelineEvent>, RequestError> {
        let mut filter = EventFilter {
            node: Some(id),
            after: 0,
            limit: BATCH,
        };
        let mut newest = Vec::new();
        for _ in 0..BATCHES {
            let batch = self.store().events(&filter).await?;
            let is_last = batch.len() < BATCH;
            filter.after = batch.last().map_or(filter.after, |last| last.sequence);
            let events = batch.into_iter().map(|stored| stored.event);
            newest.extend(events.filter(failures::is_failure));
            newest.drain(..newest.len().saturating_sub(FAILURES));
            if is_last {
                break;
            }
        }
        Ok(newest)
    }

    async fn lock_of(&self, id: NodeId, owner: Owner) -> Locked {
        if owner != Owner::Alive {
            return Locked::No;
        }
        let answer = self.at_owner(NodeCall::LockedFor { node: id }).await;
        match answer.and_then(NodeAnswer::locked_for) {
            Ok(Some(purpose)) => Locked::For(purpose),
            Ok(None) => Locked::No,
            Err(_) => Locked::Unknown,
        }
    }

    async fn waiting_item(&self, id: NodeId) -> Result<Option<BulkItem>, StoreError> {
        let text = |text: &str| vec![FieldValue::Text(text.to_owned())];
        let query = Query {
            limit: 1,
            ..Query::all(Table::BulkItem)
                .filter("node_uuid", text(&id.to_string()))
                .filter("state", text(BulkState::Queued.name()))
        };
        let records = self.store().page(&query).await?.records;
        records.first().map(|record| record.decode()).transpose()
    }

    async fn owner_state(&self, node: &Node) -> Result<Owner, RequestError> {
        let Some(ownership) = &node.ownership else {
            return Ok(Owner::Nobody);
        };
        if ownership.incarnation == self.incarnation() {
            return Ok(Owner::Alive);
        }
        let key = Key::new(ConductorRecord::TABLE, &ownership.conductor);
        let record = self.store().get(&key).await?;
        let record: Option<ConductorRecord> = record.map(|record| record.decode()).transpose()?;
        let now = self.cluster_time();
        let is_alive = record.is_some_and(|record| {
            record.incarnation == ownership.incarnation && self.is_beating(&record, now)
        });
        Ok(if is_alive { Owner::Alive } else { Owner::Gone })
    }
}
