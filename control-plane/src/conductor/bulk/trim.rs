//! Forgets requests of which nothing is queued any more: the old ones, and those that are too many.

use super::items;
use crate::conductor::Conductor;
use crate::conductor::environment::between;
use crate::conductor::walk::Walk;
use crate::config::seconds;
use ferric_store::{
    Expectation, FieldValue, Outline, Query, StoreError, Table, Transaction, value_of,
};
use jiff::Timestamp;

impl Conductor {
    /// Answers how many were forgotten.
    pub(in crate::conductor) async fn trim_bulk_requests(&self) -> Result<usize, StoreError> {
        let settings = &self.settings().conductor;
        let closed = Query::all(Table::BulkRequest).filter("open", vec![FieldValue::Bool(false)]);
        let mut walk = Walk::new(closed);
        let mut all: Vec<Outline> = Vec::new();
        while let Some(outlines) = walk.next_outlines(self.store().as_ref()).await? {
            all.extend(outlines);
        }
        let (now, keep) = (self.now(), seconds(settings.bulk_keep_s));
        let is_old = |outline: &Outline| {
            let at = value_of(&outline.fields, "created_at");
            matches!(at, FieldValue::Integer(at)
                if Timestamp::from_microsecond(*at).is_ok_and(|at| between(at, now) >= keep))
        };
        let too_many = all.len().saturating_sub(settings.bulk_max_requests);
        let mut forgotten = 0;
        for (place, outline) in all.iter().enumerate() {
            if place < too_many || is_old(outline) {
                forgotten += usize::from(self.forget_bulk_request(outline).await?);
            }
        }
        Ok(forgotten)
    }

    async fn forget_bulk_request(&self, outline: &Outline) -> Result<bool, StoreError> {
        let Ok(id) = outline.key.id.parse() else {
            return Ok(false);
        };
        let items = self.store().outlines(&items(id)).await?;
        let unchanged = Expectation::Revision(outline.key.clone(), outline.revision);
        let gone = Transaction::new().expect(unchanged);
        let keys = items.into_iter().map(|item| item.key);
        let keys = keys.chain([outline.key.clone()]);
        let gone = keys.fold(gone, Transaction::delete);
        match self.store().commit(gone).await {
            Ok(_) => Ok(true),
            // Another conductor was faster.
            Err(StoreError::Stale { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
