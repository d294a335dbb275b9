//! The embedded store as the checks of a commit see it.

use super::commit::Tables;
use super::envelope::{self, Head};
use super::error::{failed, unreadable};
use super::find;
use super::index;
use super::matches::Matches;
use super::schema::number;
use crate::StoreError;
use crate::check::{Standing, View};
use crate::record::{FieldValue, Key, Table};
use crate::transaction::{Room, SortOrder};
use redb::ReadableTable;

impl View for Tables<'_> {
    fn standing(&self, key: &Key) -> Result<Option<Standing>, StoreError> {
        let doing = "reading a record";
        let id = (number(key.table), key.id.as_str());
        let Some(sequence) = self.ids.get(id).map_err(failed(doing))? else {
            return Ok(None);
        };
        let head = head_at(self, (number(key.table), sequence.value()), doing)?;
        Ok(head.map(|head| Standing {
            revision: head.revision,
            epoch: head.epoch,
        }))
    }

    fn holders(
        &self,
        table: Table,
        field: usize,
        value: &FieldValue,
    ) -> Result<Vec<String>, StoreError> {
        let doing = "checking that a value is unique";
        let prefix = index::of_value(table, field, value);
        let mut ids = Vec::new();
        for entry in index::scan(&self.index, &prefix).map_err(failed(doing))? {
            let (entry, _) = entry.map_err(failed(doing))?;
            let place = (number(table), index::sequence(entry.value()));
            ids.extend(head_at(self, place, doing)?.map(|head| head.id));
        }
        Ok(ids)
    }

    fn filling(&self, room: &Room) -> Result<usize, StoreError> {
        let doing = "counting records";
        let query = room.query();
        let filters = find::filters(&query)?;
        if filters.is_empty() {
            let range = (number(room.table), 0)..=(number(room.table), u64::MAX);
            let all = self.records.range(range).map_err(failed(doing))?;
            return Ok(all.take(room.limit).count());
        }
        let (order, within) = (SortOrder::Ascending, 0..=u64::MAX);
        let found = Matches::new(&self.index, room.table, &filters, order, within);
        let mut count = 0;
        for sequence in found.take(room.limit) {
            sequence.map_err(failed(doing))?;
            count += 1;
        }
        Ok(count)
    }
}

fn head_at(
    tables: &Tables<'_>,
    place: (u8, u64),
    doing: &'static str,
) -> Result<Option<Head>, StoreError> {
    let Some(bytes) = tables.records.get(place).map_err(failed(doing))? else {
        return Ok(None);
    };
    let (head, _) = envelope::head(bytes.value()).map_err(unreadable)?;
    Ok(Some(head))
}
