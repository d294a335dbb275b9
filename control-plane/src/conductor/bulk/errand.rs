//! What a commit of a node says of the items of bulk requests: the one that it begins, and the one whose work ends with it.

use super::with_item;
use crate::conductor::Conductor;
use ferric_model::bulk::{BulkItem, BulkRefusal, BulkState};
use ferric_model::ids::BulkRequestId;
use ferric_model::node::Node;
use ferric_model::run::{Activity, Run};
use ferric_store::{Key, Revision, StoreError, Table, Transaction};
use jiff::Timestamp;
use serde_json::{Value, json};

/// In the notes of a run: the id of the item that it was begun for.
const NOTE: &str = "bulk_item";

/// An item whose work the next commit of its node begins.
pub(in crate::conductor) struct Errand {
    pub(super) item: BulkItem,
    pub(super) revision: Revision,
}

impl Errand {
    pub(in crate::conductor) fn request(&self) -> BulkRequestId {
        self.item.request
    }

    /// That it has begun: it runs where a run was begun for it, and is done where not.
    pub(in crate::conductor) fn begun(
        self,
        run: Option<&mut Run>,
        transaction: Transaction,
        at: Timestamp,
    ) -> Transaction {
        let state = run.as_ref().map_or(BulkState::Done, |_| BulkState::Running);
        let (revision, mut item) = (self.revision, self.item.with_state(state, at));
        if let Some(run) = run {
            let id = BulkItem::id_of(item.request, item.number);
            run.notes.insert(NOTE.to_owned(), json!(id));
            item.run = Some(run.id);
        }
        with_item(transaction, &item, revision)
    }
}

/// The transaction with what it says of items. `node` is as it is to be.
pub(in crate::conductor) async fn noted(
    conductor: &Conductor,
    (before, node): (&Node, &mut Node),
    errand: Option<Errand>,
    transaction: Transaction,
) -> Result<Transaction, StoreError> {
    let mut transaction = transaction;
    let old = before.run.as_ref();
    let goes_on = |new: &Run| old.is_some_and(|old| old.id == new.id);
    if let Some((item, old)) = old.and_then(followed)
        && !node.run.as_ref().is_some_and(goes_on)
    {
        match &mut node.run {
            Some(new) if errand.is_none() && is_second_part(old, new) => {
                new.notes.insert(NOTE.to_owned(), json!(item));
            }
            new => {
                let failure = failure(old, new.as_ref(), node.last_error.as_deref());
                transaction = ended(conductor, item, failure, transaction).await?;
            }
        }
    }
    let Some(errand) = errand else {
        return Ok(transaction);
    };
    let begun = node.run.as_mut().filter(|run| !goes_on(run));
    Ok(errand.begun(begun, transaction, conductor.now()))
}

/// The request for which the node's run was begun.
pub(in crate::conductor) fn request_of(node: &Node) -> Option<BulkRequestId> {
    let (item, _) = node.run.as_ref().and_then(followed)?;
    BulkItem::request_in(item)
}

/// The same for the deletion of a node.
pub(in crate::conductor) async fn of_deleted(
    conductor: &Conductor,
    node: &Node,
    errand: Option<Errand>,
    transaction: Transaction,
) -> Result<Transaction, StoreError> {
    let mut transaction = transaction;
    if let Some((item, _)) = node.run.as_ref().and_then(followed) {
        let failure = Some("the node was deleted".to_owned());
        transaction = ended(conductor, item, failure, transaction).await?;
    }
    Ok(match errand {
        Some(errand) => errand.begun(None, transaction, conductor.now()),
        None => transaction,
    })
}

fn followed(run: &Run) -> Option<(&str, &Run)> {
    let item = run.notes.get(NOTE).and_then(Value::as_str)?;
    Some((item, run))
}

/// What is undeployed is cleaned by a run of its own.
fn is_second_part(old: &Run, new: &Run) -> bool {
    (old.activity, new.activity) == (Activity::Delete, Activity::Clean)
}

fn failure(old: &Run, new: Option<&Run>, last_error: Option<&str>) -> Option<String> {
    if new.is_some() {
        return Some("another request took its place".to_owned());
    }
    let failure = old.failure.as_deref()?;
    Some(last_error.unwrap_or(failure).to_owned())
}

/// The item of a run that is over. It may be forgotten by now.
async fn ended(
    conductor: &Conductor,
    item: &str,
    failure: Option<String>,
    transaction: Transaction,
) -> Result<Transaction, StoreError> {
    let key = Key::new(Table::BulkItem, item);
    let Some(record) = conductor.store().get(&key).await? else {
        return Ok(transaction);
    };
    let (item, at): (BulkItem, _) = (record.decode()?, conductor.now());
    let item = match failure {
        None => item.with_state(BulkState::Done, at),
        Some(reason) => {
            let status = None;
            item.with_refusal(BulkRefusal { status, reason }, at)
        }
    };
    Ok(with_item(transaction, &item, record.revision))
}
