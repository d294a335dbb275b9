//! One way through what is queued of a request, in the order of its items.
//!
//! What needs room (deploys, cleans) is begun one after the other, so that none overtakes an earlier one that waits for it,
//! nor one of an earlier request; all others several at a time.

use super::carry::{Carried, is_passing};
use super::queue::{Lane, Turn};
use super::{queued, with_item};
use crate::conductor::Conductor;
use crate::conductor::forward::NodeCall;
use crate::conductor::requests::RequestError;
use crate::conductor::steps::chain;
use crate::conductor::walk::Walk;
use ferric_model::bulk::{BulkItem, BulkRefusal, BulkRequest, BulkRoom, BulkWork};
use ferric_model::ids::{BulkRequestId, NodeId};
use ferric_store::{
    FieldValue, Key, Query, Record, Revision, StoreError, Table, Transaction, value_of,
};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeSet;
use tracing::error;

/// Items of one request that are worked on at the same time.
const WIDTH: usize = 16;

/// An item in hand, and how it ended there.
struct Handed {
    item: BulkItem,
    revision: Revision,
    owner: Option<String>,
    outcome: Result<Carried, RequestError>,
}

/// One way through all that is queued.
struct Pass<'c> {
    conductor: &'c Conductor,
    request: BulkRequestId,
    turn: Turn,
    flight: FuturesUnordered<BoxFuture<'c, Handed>>,
    /// Of those in flight.
    nodes: BTreeSet<NodeId>,
    full: BTreeSet<Lane>,
    /// Conductors that could not be asked.
    silent: BTreeSet<String>,
    /// Whether something is left for the next pass.
    left: bool,
}

/// One pass. Answers whether something has to wait.
pub(super) async fn hand_out(
    conductor: &Conductor,
    request: &BulkRequest,
) -> Result<bool, RequestError> {
    let mut pass = Pass {
        conductor,
        request: request.id,
        turn: (request.created_at, request.id),
        flight: FuturesUnordered::new(),
        nodes: BTreeSet::new(),
        full: BTreeSet::new(),
        silent: BTreeSet::new(),
        left: false,
    };
    pass.through_roomless().await?;
    for room in BulkRoom::ALL {
        pass.through(*room).await?;
    }
    conductor.queues().waits_only(&pass.full, pass.turn);
    Ok(pass.left)
}

impl Conductor {
    async fn hand_to_owner(
        &self,
        item: BulkItem,
        revision: Revision,
        owner: Option<String>,
    ) -> Handed {
        let id = BulkItem::id_of(item.request, item.number);
        let outcome = match (&item.work, item.node) {
            (Some(BulkWork::Enrol { .. }), _) => self.enrol_item(item.clone(), revision).await,
            (_, Some(node)) => {
                let call = NodeCall::CarryOut { node, item: id };
                let answer = self.at_owner(call).await;
                answer.and_then(|answer| answer.carried())
            }
            (_, None) => Err(RequestError::internal(
                "handing out an item of a bulk request",
                "it has no node",
            )),
        };
        Handed {
            item,
            revision,
            owner,
            outcome,
        }
    }

    fn has_room_by_group(&self) -> bool {
        let settings = &self.settings().conductor;
        settings.max_concurrent_per_conductor_group
    }

    /// Stores why an item is not carried out. Somebody else may have had it meanwhile: then it is not touched.
    async fn refuse_item(
        &self,
        item: BulkItem,
        revision: Revision,
        error: &RequestError,
    ) -> Result<(), StoreError> {
        let (status, reason) = told(error);
        let status = Some(status);
        let item = item.with_refusal(BulkRefusal { status, reason }, self.now());
        let refused = with_item(Transaction::new(), &item, revision);
        match self.store().commit(refused).await {
            Ok(_) | Err(StoreError::Stale { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl Pass<'_> {
    /// What needs no room: several at a time, but of one node one after the other.
    async fn through_roomless(&mut self) -> Result<(), RequestError> {
        let none = vec![FieldValue::Null];
        let mut walk = Walk::new(queued(self.request).filter("room", none));
        while let Some(records) = walk.next(self.conductor.store().as_ref()).await? {
            for record in records {
                if self.conductor.stopping() {
                    self.left = true;
                    return self.land().await;
                }
                self.launch(&record).await?;
            }
        }
        self.land().await
    }

    async fn launch(&mut self, record: &Record) -> Result<(), RequestError> {
        let Some((item, place)) = self.read(record).await? else {
            return Ok(());
        };
        if item.node.is_some_and(|node| self.nodes.contains(&node)) {
            self.land().await?;
        }
        if self.flight.len() >= WIDTH {
            self.land_one().await?;
        }
        self.nodes.extend(item.node);
        let handed = self
            .conductor
            .hand_to_owner(item, record.revision, place.owner);
        self.flight.push(Box::pin(handed));
        Ok(())
    }

    /// What needs this room, one after the other, until there is none.
    async fn through(&mut self, room: BulkRoom) -> Result<(), RequestError> {
        let of_room = vec![FieldValue::Text(room.name().to_owned())];
        let mut query = Query {
            limit: WIDTH,
            ..queued(self.request).filter("room", of_room)
        };
        loop {
            let records = self.conductor.store().page(&query).await?.records;
            let Some(last) = records.last() else {
                return Ok(());
            };
            query.marker = Some(last.key.id.clone());
            for record in &records {
                if self.conductor.stopping() {
                    self.left = true;
                    return Ok(());
                }
                if self.hand_one(room, record).await? == Next::NoRoom {
                    return Ok(());
                }
            }
        }
    }

    async fn hand_one(&mut self, room: BulkRoom, record: &Record) -> Result<Next, RequestError> {
        let Some((item, place)) = self.read(record).await? else {
            return Ok(Next::Item);
        };
        let by_group = self.conductor.has_room_by_group();
        let group = place.group.filter(|_| by_group);
        let (lane, queues) = (Lane { room, group }, self.conductor.queues());
        // Other groups may have room.
        let next = if by_group { Next::Item } else { Next::NoRoom };
        if self.full.contains(&lane) {
            return Ok(next);
        }
        let is_full = queues.is_behind(&lane, self.turn) || {
            let handed = self
                .conductor
                .hand_to_owner(item, record.revision, place.owner)
                .await;
            let is_full = matches!(handed.outcome, Ok(Carried::NoRoom));
            self.settle(handed).await?;
            is_full
        };
        if !is_full {
            return Ok(Next::Item);
        }
        self.left = true;
        queues.wait(lane.clone(), self.turn);
        self.full.insert(lane);
        Ok(next)
    }

    /// The item and where it goes, unless it cannot be handed out now.
    async fn read(&mut self, record: &Record) -> Result<Option<(BulkItem, Place)>, StoreError> {
        let item: BulkItem = match record.decode() {
            Ok(item) => item,
            Err(error) => {
                let error = chain(&error);
                error!(
                    error,
                    "an item of a bulk request cannot be read and is left alone"
                );
                return Ok(None);
            }
        };
        let place = place(self.conductor, &item).await?;
        let owner = place.owner.as_ref();
        if owner.is_some_and(|owner| self.silent.contains(owner)) {
            self.left = true;
            return Ok(None);
        }
        Ok(Some((item, place)))
    }

    /// Waits for all that are in flight.
    async fn land(&mut self) -> Result<(), RequestError> {
        while !self.flight.is_empty() {
            self.land_one().await?;
        }
        self.nodes.clear();
        Ok(())
    }

    async fn land_one(&mut self) -> Result<(), RequestError> {
        match self.flight.next().await {
            Some(handed) => self.settle(handed).await,
            None => Ok(()),
        }
    }

    async fn settle(&mut self, handed: Handed) -> Result<(), RequestError> {
        match handed.outcome {
            Ok(Carried::Over) => Ok(()),
            Ok(Carried::NoRoom | Carried::Held) => {
                self.left = true;
                Ok(())
            }
            // It may have been done: then it is not queued any more at the next pass, and nothing is begun twice.
            Err(RequestError::Busy { .. } | RequestError::Unanswered(_)) => {
                self.left = true;
                self.silent.extend(handed.owner);
                Ok(())
            }
            Err(error) if is_passing(&error) => Err(error),
            Err(error) => {
                let (item, revision) = (handed.item, handed.revision);
                let refused = self.conductor.refuse_item(item, revision, &error);
                Ok(refused.await?)
            }
        }
    }
}

/// Whether the next item may be tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Item,
    NoRoom,
}

/// Where an item goes, as the index says it of its node.
struct Place {
    owner: Option<String>,
    group: Option<String>,
}

async fn place(conductor: &Conductor, item: &BulkItem) -> Result<Place, StoreError> {
    let record = match item.node {
        Some(node) => {
            let key = Key::new(Table::Node, node);
            conductor.store().get(&key).await?
        }
        None => None,
    };
    let field = |name: &str| {
        let fields = record.as_ref().map(|record| &record.fields)?;
        value_of(fields, name).as_text().map(str::to_owned)
    };
    Ok(Place {
        owner: field("owned_by"),
        group: field("conductor_group"),
    })
}

/// As a single request is answered (`RequestError` says which status that is); of our own failures not why.
fn told(error: &RequestError) -> (u16, String) {
    let status = match error {
        RequestError::NotFound(_) => 404,
        RequestError::Invalid(_) => 400,
        RequestError::Forbidden(_) => 403,
        RequestError::Conflict(_) => 409,
        RequestError::Busy { .. } => 503,
        RequestError::Unanswered(_) => 504,
        RequestError::Internal { doing, source } => {
            let error = source.as_ref() as &dyn std::error::Error;
            error!(error, "{doing} failed, for a bulk request");
            let text = format!("{doing} failed; the server's log says why");
            return (500, text);
        }
    };
    (status, error.to_string())
}
