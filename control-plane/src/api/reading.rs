//! Reading a page of a list: from the store's index where it has one, otherwise from the records themselves.

use super::call::Call;
use super::error::ApiResult;
use super::fields::Field;
use super::paging::Paging;
use super::shape::Shape;
use ferric_store::{Entity, FieldValue, Key, Query, Record, SortOrder};
use jiff::Timestamp;
use serde_json::Value;

/// Records that are read at once where each of them must be looked at.
const BATCH: usize = 256;

/// What of a record decides that it is in the list, and its place there.
pub(super) trait Reading<E> {
    /// Whether every record that the query finds belongs to the list.
    fn takes_all(&self) -> bool;
    async fn takes(&self, entity: &E) -> ApiResult<bool>;
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
        None => found(call, query, reading).await,
    }
}

/// In the store's order: where more must be checked than it can, as many of its pages as make one.
async fn found<E: Entity>(
    call: &Call,
    mut query: Query,
    reading: &impl Reading<E>,
) -> ApiResult<Vec<E>> {
    let wanted = query.limit;
    if !reading.takes_all() {
        query.limit = wanted.max(BATCH);
    }
    let mut entities: Vec<E> = Vec::new();
    loop {
        let records = call.conductor().store().page(&query).await?.records;
        let exhausted = records.len() < query.limit;
        query.marker = records.last().map(|record| record.key.id.clone());
        for record in records {
            let entity: E = record.decode()?;
            if reading.takes_all() || reading.takes(&entity).await? {
                entities.push(entity);
            }
            if entities.len() == wanted {
                return Ok(entities);
            }
        }
        if exhausted {
            return Ok(entities);
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
            if behind(&place) && (reading.takes_all() || reading.takes(&entity).await?) {
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
