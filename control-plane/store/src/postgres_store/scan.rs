//! What no statement can ask for: checks, and orders by what is sealed. Records are read a few hundred at a time, each page
//! of a moment of its own, and those that are found are chosen here.

use super::PostgresStore;
use crate::record::{FieldValue, Key, Outline, Record, Sorted, value_of};
use crate::transaction::{Query, SortOrder};
use crate::{StoreError, entities};

/// Records that are read at once.
const OUTLINES: usize = 1000;
/// With their documents.
const RECORDS: usize = 256;

/// A record's place among the others.
type Place = (FieldValue, u64);

pub(super) fn is_needed(query: &Query) -> bool {
    !query.checks.is_empty() || sealed(query).is_some()
}

/// The place of the sealed field that is sorted by.
fn sealed(query: &Query) -> Option<usize> {
    let sort = query.sort.as_deref()?;
    match query.table.order(sort) {
        Ok(Sorted::Sealed(place)) => Some(place),
        Ok(Sorted::Indexed(_)) | Err(_) => None,
    }
}

pub(super) async fn outlines(
    store: &PostgresStore,
    query: &Query,
) -> Result<Vec<Outline>, StoreError> {
    query.check_names()?;
    let found = match sealed(query) {
        Some(field) => sorted(store, query, field).await?,
        None => checked(store, query).await?,
    };
    let Some(wanted) = &query.wanted else {
        return Ok(found);
    };
    let narrowed = found.into_iter().map(|mut outline| {
        outline.fields.retain(|(name, _)| wanted.contains(name));
        outline
    });
    Ok(narrowed.collect())
}

/// As many pages of the store's as make one.
async fn checked(store: &PostgresStore, query: &Query) -> Result<Vec<Outline>, StoreError> {
    let mut page = Query {
        checks: Vec::new(),
        limit: OUTLINES,
        wanted: None,
        ..query.clone()
    };
    let mut taken: Vec<Outline> = Vec::new();
    loop {
        let found = store.outlines_of(&page).await?;
        let exhausted = found.len() < page.limit;
        page.marker = found.last().map(|outline| outline.key.id.clone());
        let good = |outline: &Outline| passes(query, &outline.fields);
        let room = query.limit - taken.len();
        taken.extend(found.into_iter().filter(good).take(room));
        if exhausted || taken.len() == query.limit {
            return Ok(taken);
        }
    }
}

/// Every document is opened, and no more are held than a batch and a page.
async fn sorted(
    store: &PostgresStore,
    query: &Query,
    field: usize,
) -> Result<Vec<Outline>, StoreError> {
    let marker = match &query.marker {
        None => None,
        Some(id) => {
            let record = store.read_one(&Key::new(query.table, id)).await?;
            let record = record.ok_or_else(|| StoreError::NoSuchMarker(id.clone()))?;
            Some(place(&record, field)?)
        }
    };
    let is_behind = |place: &Place| match (&marker, query.order) {
        (None, _) => true,
        (Some(marker), SortOrder::Ascending) => place > marker,
        (Some(marker), SortOrder::Descending) => place < marker,
    };
    let mut scan = Query {
        checks: Vec::new(),
        sort: None,
        order: SortOrder::Ascending,
        marker: None,
        limit: RECORDS,
        ..query.clone()
    };
    let mut best: Vec<(Place, Outline)> = Vec::new();
    loop {
        let records = store.records(&scan).await?;
        let exhausted = records.len() < scan.limit;
        scan.marker = records.last().map(|record| record.key.id.clone());
        for record in records {
            let place = place(&record, field)?;
            if is_behind(&place) && passes(query, &record.fields) {
                best.push((place, Outline::from(record)));
            }
        }
        best.sort_by(|(one, _), (other, _)| one.cmp(other));
        if query.order == SortOrder::Descending {
            best.reverse();
        }
        best.truncate(query.limit);
        if exhausted {
            return Ok(best.into_iter().map(|(_, outline)| outline).collect());
        }
    }
}

fn place(record: &Record, field: usize) -> Result<Place, StoreError> {
    let mut values = entities::sealed_fields_of(&record.key, &record.document)?;
    Ok((values.swap_remove(field), record.sequence))
}

fn passes(query: &Query, fields: &[(&'static str, FieldValue)]) -> bool {
    let mut checks = query.checks.iter();
    checks.all(|check| {
        let values = check.fields.iter().map(|name| value_of(fields, name));
        check.holds(&values.collect::<Vec<_>>())
    })
}
