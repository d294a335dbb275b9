//! A walk over many records, a page at a time, so that no number of nodes takes much memory at once.

use ferric_store::{Query, Record, Store, StoreError};

/// Records that are read at once.
pub(super) const PAGE: usize = 500;

/// The pages of a query, in the order of creation. What changes meanwhile is seen as it is when its page is read.
pub(super) struct Walk {
    query: Query,
    /// Of the last page; the marker is the one behind them.
    before: Vec<String>,
    done: bool,
}

impl Walk {
    pub(super) fn new(mut query: Query) -> Self {
        query.limit = PAGE;
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
        if self.done {
            return Ok(None);
        }
        let page = loop {
            match store.page(&self.query).await {
                // Deleted meanwhile: whatever is behind the one before it has not been seen either.
                Err(StoreError::NoSuchMarker(_)) => self.query.marker = self.before.pop(),
                other => break other?,
            }
        };
        self.done = page.records.len() < PAGE;
        self.before = page
            .records
            .iter()
            .map(|record| record.key.id.clone())
            .collect();
        self.query.marker = self.before.pop();
        Ok(Some(page.records))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tests::lab::Lab;
    use ferric_model::ids::NodeId;
    use ferric_model::node::Node;
    use ferric_store::{Entity, Table, Transaction};
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
