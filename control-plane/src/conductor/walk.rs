//! A walk over many records, a page at a time, so that no number of nodes takes much memory at once.

use super::Conductor;
use ferric_store::{Outline, Query, Record, Store, StoreError, Table};

/// Records that are read at once.
pub(super) const PAGE: usize = 500;

/// Outlines that are read at once. They are small, and each page costs a look at the whole index of its filters.
pub(super) const OUTLINES: usize = 2000;

/// The pages of a query, in the order of creation. What changes meanwhile is seen as it is when its page is read.
pub(super) struct Walk {
    query: Query,
    /// Of the last page; the marker is the one behind them.
    before: Vec<String>,
    done: bool,
}

impl Walk {
    pub(super) fn new(mut query: Query) -> Self {
        query.marker = None;
        Self {
            query,
            before: Vec::new(),
            done: false,
        }
    }

    /// The next page; `None` at the end.
    pub(super) async fn next(
        &mut self,
        store: &dyn Store,
    ) -> Result<Option<Vec<Record>>, StoreError> {
        self.query.limit = PAGE;
        while !self.done {
            match store.page(&self.query).await {
                Err(StoreError::NoSuchMarker(_)) => self.step_back(),
                page => {
                    let records = page?.records;
                    self.go_behind(records.iter().map(|record| record.key.id.clone()).collect());
                    return Ok(Some(records));
                }
            }
        }
        Ok(None)
    }

    /// The same without the documents.
    pub(super) async fn next_outlines(
        &mut self,
        store: &dyn Store,
    ) -> Result<Option<Vec<Outline>>, StoreError> {
        self.query.limit = OUTLINES;
        while !self.done {
            match store.outlines(&self.query).await {
                Err(StoreError::NoSuchMarker(_)) => self.step_back(),
                outlines => {
                    let outlines = outlines?;
                    self.go_behind(
                        outlines
                            .iter()
                            .map(|outline| outline.key.id.clone())
                            .collect(),
                    );
                    return Ok(Some(outlines));
                }
            }
        }
        Ok(None)
    }

    /// Deleted meanwhile: whatever is behind the one before it has not been seen either.
    fn step_back(&mut self) {
        self.query.marker = self.before.pop();
    }

    fn go_behind(&mut self, page: Vec<String>) {
        self.done = page.len() < self.query.limit;
        self.before = page;
        self.query.marker = self.before.pop();
    }
}

impl Conductor {
    /// What the store's index says of every node, whoever owns it.
    pub async fn each_node(&self, mut see: impl FnMut(&Outline)) -> Result<(), StoreError> {
        let mut walk = Walk::new(Query::all(Table::Node));
        while let Some(outlines) = walk.next_outlines(self.store().as_ref()).await? {
            outlines.iter().for_each(&mut see);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tests::lab::Lab;
    use ferric_model::ids::NodeId;
    use ferric_model::node::Node;
    use ferric_store::{Entity, Transaction};
    use std::collections::BTreeSet;
    use uuid::Uuid;

    #[tokio::test]
    async fn every_record_is_seen_once_though_some_are_deleted_on_the_way() {
        let lab = Lab::new();
        let node = |number: usize| {
            let id = NodeId(Uuid::from_u128(number as u128));
            Node::new(id, "fake-hardware", jiff::Timestamp::UNIX_EPOCH)
        };
        let all = (0..2 * PAGE + 7).map(node);
        let made = all.fold(Transaction::new(), |made, node| made.put(&node));
        lab.store.commit(made).await.unwrap();
        let mut walk = Walk::new(Query::all(Table::Node));
        let (mut seen, mut pages) = (BTreeSet::new(), Vec::new());
        while let Some(records) = walk.next(lab.store.as_ref()).await.unwrap() {
            pages.push(records.len());
            let last = records
                .iter()
                .rev()
                .take(2)
                .map(|record| record.key.clone());
            let gone = last.fold(Transaction::new(), Transaction::delete);
            lab.store.commit(gone).await.unwrap();
            for record in records {
                assert!(seen.insert(record.key.id), "seen twice");
            }
        }
        assert_eq!((seen.len(), pages), (2 * PAGE + 7, vec![PAGE, PAGE, 7]));
        assert!(seen.contains(&node(0).key().id));
    }
}
