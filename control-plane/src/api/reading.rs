//! Reading a page of a list: from the store's indexes, and where it has none, from the records themselves.

use super::call::Call;
use super::error::ApiResult;
use super::fields::Field;
use super::paging::Paging;
use super::shape::Shape;
use ferric_store::{Entity, FieldValue, Key, Outline, Query, Record, SortOrder};
use jiff::Timestamp;
use serde_json::Value;

/// Records that are read at once where each of them must be looked at.
const BATCH: usize = 256;
/// The same without their documents.
const OUTLINES: usize = 1000;

/// What of a record decides that it is in the list, and its place there.
pub(super) trait Reading<E> {
    /// Whether every record that the query finds belongs to the list.
    fn takes_all(&self) -> bool;
    /// By what stands in the store's indexes, so that no document is opened for a record that is not in the list.
    fn takes(&self, id: &str, fields: &[(&'static str, FieldValue)]) -> bool;
    /// The value of a field that lists are sorted by, and that the store has no index for.
    fn value(&self, entity: &E, field: &Field) -> ApiResult<Value>;
}

/// A record's place among the others: null before every value, ties in the order of creation, as the store has it.
type Place = (FieldValue, u64);

/// The page of the query's records that belong to the list.
pub(super) async fn page<E: Entity>(
    call: &Call,
    paging: &Paging,
    query: Query,
    reading: &impl Reading<E>,
) -> ApiResult<Vec<E>> {
    match paging.unindexed(E::FIELDS) {
        Some(field) => sorted(call, query, field, reading).await,
        None if reading.takes_all() => {
            let records = call.conductor().store().page(&query).await?.records;
            decoded(&records)
        }
        None => {
            let found = outlines(call, query, reading).await?;
            let keys: Vec<Key> = found.into_iter().map(|outline| outline.key).collect();
            decoded(&call.conductor().store().get_each(&keys).await?)
        }
    }
}

fn decoded<E: Entity>(records: &[Record]) -> ApiResult<Vec<E>> {
    let records = records.iter();
    let entities = records.map(Record::decode).collect::<Result<_, _>>();
    Ok(entities?)
}

/// The page in outlines, in the store's order: where more must be checked than the store can, as many of its pages as make
/// one.
pub(super) async fn outlines<E: Entity>(
    call: &Call,
    mut query: Query,
    reading: &impl Reading<E>,
) -> ApiResult<Vec<Outline>> {
    let store = call.conductor().store();
    if reading.takes_all() {
        return Ok(store.outlines(&query).await?);
    }
    let wanted = query.limit;
    query.limit = OUTLINES;
    let mut taken = Vec::new();
    loop {
        let found = store.outlines(&query).await?;
        let exhausted = found.len() < query.limit;
        query.marker = found.last().map(|outline| outline.key.id.clone());
        let belongs = |outline: &Outline| reading.takes(&outline.key.id, &outline.fields);
        taken.extend(found.into_iter().filter(belongs).take(wanted - taken.len()));
        if exhausted || taken.len() == wanted {
            return Ok(taken);
        }
    }
}

/// In the order of a field without an index: every record is looked at, and no more are held than a batch and a page.
async fn sorted<E: Entity>(
    call: &Call,
    query: Query,
    field: &Field,
    reading: &impl Reading<E>,
) -> ApiResult<Vec<E>> {
    let store = call.conductor().store();
    let place = |record: &Record, entity: &E| -> ApiResult<Place> {
        let value = ordered(field, &reading.value(entity, field)?);
        Ok((value, record.sequence))
    };
    let marker = match &query.marker {
        None => None,
        Some(id) => match store.get(&Key::new(query.table, id)).await? {
            Some(record) => Some(place(&record, &record.decode()?)?),
            None => return Err(ferric_store::StoreError::NoSuchMarker(id.clone()).into()),
        },
    };
    let (wanted, descending) = (query.limit, query.order == SortOrder::Descending);
    let behind = |place: &Place| match &marker {
        Some(marker) if descending => place < marker,
        Some(marker) => place > marker,
        None => true,
    };
    let mut scan = Query {
        sort: None,
        order: SortOrder::Ascending,
        marker: None,
        limit: BATCH,
        ..query
    };
    let mut best: Vec<(Place, E)> = Vec::new();
    loop {
        let records = store.page(&scan).await?.records;
        scan.marker = records.last().map(|record| record.key.id.clone());
        for record in &records {
            let entity: E = record.decode()?;
            let place = place(record, &entity)?;
            let belongs = || reading.takes_all() || reading.takes(&record.key.id, &record.fields);
            if behind(&place) && belongs() {
                best.push((place, entity));
            }
        }
        best.sort_by(|(one, _), (other, _)| one.cmp(other));
        if descending {
            best.reverse();
        }
        best.truncate(wanted);
        if records.len() < scan.limit {
            return Ok(best.into_iter().map(|(_, entity)| entity).collect());
        }
    }
}

/// The value as an index would hold it. Times as text would not sort: they drop the zeros at their end.
fn ordered(field: &Field, value: &Value) -> FieldValue {
    match value {
        Value::Bool(flag) => FieldValue::Bool(*flag),
        Value::Number(number) => FieldValue::Integer(number.as_i64().unwrap_or(i64::MAX)),
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(time) if field.shape == Shape::Time => FieldValue::Integer(time.as_microsecond()),
            Ok(_) | Err(_) => FieldValue::Text(text.clone()),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => FieldValue::Null,
    }
}
