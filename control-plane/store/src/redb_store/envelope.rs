//! How a record lies in the file: a clear head with what the store itself needs, and the sealed document.
//!
//! The head begins with its own version and that of the document, so that later releases can read what this one wrote.

use crate::record::{FieldValue, Key, Outline, Record, Revision, Table, ValueRef};
use crate::seal::{SealError, Sealer, place_of_record};
use crate::transaction::Put;
use crate::value;
use ferric_model::ids::Epoch;

/// Of the layout of the head.
const LAYOUT: u8 = 1;

/// Of the documents: grows when a type changes so that older documents must be converted.
pub(crate) const DOCUMENT_VERSION: u16 = 1;

/// What the store knows of a record without opening its document.
#[derive(Debug, PartialEq)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) revision: Revision,
    pub(super) epoch: Option<Epoch>,
    pub(super) values: Vec<FieldValue>,
}

/// Why stored bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnvelopeError {
    #[error("the record was written by a newer release (layout {layout}, document {document})")]
    Newer { layout: u8, document: u16 },
    #[error("the head of a record is damaged")]
    Damaged,
    #[error(transparent)]
    Sealed(#[from] SealError),
}

/// The bytes of a record as it is to stand.
pub(super) fn encode(put: &Put, revision: Revision, sealer: &Sealer) -> Result<Vec<u8>, SealError> {
    let mut bytes = vec![LAYOUT];
    bytes.extend(DOCUMENT_VERSION.to_be_bytes());
    bytes.extend(revision.0.to_be_bytes());
    // No owner is told apart from epoch 0 by its own byte.
    bytes.push(u8::from(put.epoch.is_some()));
    bytes.extend(put.epoch.unwrap_or_default().0.to_be_bytes());
    value::encode(&FieldValue::Text(put.key.id.clone()), &mut bytes);
    bytes.push(u8::try_from(put.fields.len()).expect("a table has fewer than 256 fields"));
    for (_, field) in &put.fields {
        value::encode(field, &mut bytes);
    }
    bytes.extend(sealer.seal(&place_of_record(&put.key), &put.document)?);
    Ok(bytes)
}

/// What stands before the values of the fields.
struct Front<'b> {
    id: &'b [u8],
    revision: Revision,
    epoch: Option<Epoch>,
    fields: u8,
    rest: &'b [u8],
}

impl Front<'_> {
    fn id(&self) -> Result<String, EnvelopeError> {
        match value::decode(&mut &*self.id) {
            Some(FieldValue::Text(id)) => Ok(id),
            Some(_) | None => Err(EnvelopeError::Damaged),
        }
    }
}

fn front(bytes: &[u8]) -> Result<Front<'_>, EnvelopeError> {
    let mut rest = bytes;
    let [layout] = take(&mut rest)?;
    let document = u16::from_be_bytes(take(&mut rest)?);
    if layout != LAYOUT || document > DOCUMENT_VERSION {
        return Err(EnvelopeError::Newer { layout, document });
    }
    let revision = Revision(u64::from_be_bytes(take(&mut rest)?));
    let [owned] = take(&mut rest)?;
    let epoch = Epoch(u64::from_be_bytes(take(&mut rest)?));
    let id = rest;
    value::skip(&mut rest).ok_or(EnvelopeError::Damaged)?;
    let id = &id[..id.len() - rest.len()];
    let [fields] = take(&mut rest)?;
    Ok(Front {
        id,
        revision,
        epoch: (owned == 1).then_some(epoch),
        fields,
        rest,
    })
}

/// Reads the head; answers it with the sealed rest.
pub(super) fn head(bytes: &[u8]) -> Result<(Head, &[u8]), EnvelopeError> {
    let front = front(bytes)?;
    let mut rest = front.rest;
    let values = (0..front.fields).map(|_| value::decode(&mut rest));
    let values: Option<Vec<FieldValue>> = values.collect();
    let head = Head {
        id: front.id()?,
        revision: front.revision,
        epoch: front.epoch,
        values: values.ok_or(EnvelopeError::Damaged)?,
    };
    Ok((head, rest))
}

/// Values of a record's fields, by their places in ascending order. What is not asked for is not read.
pub(super) fn values(
    table: Table,
    places: &[usize],
    bytes: &[u8],
) -> Result<Vec<FieldValue>, EnvelopeError> {
    let (values, _) = values_of(table, places, &front(bytes)?)?;
    Ok(values.into_iter().map(FieldValue::from).collect())
}

/// As they lie there, and what is behind the last of them.
fn values_of<'b>(
    table: Table,
    places: &[usize],
    front: &Front<'b>,
) -> Result<(Vec<ValueRef<'b>>, Rest<'b>), EnvelopeError> {
    if usize::from(front.fields) != table.fields().len() {
        return Err(EnvelopeError::Damaged);
    }
    let mut rest = Rest {
        fields: table.fields().len(),
        bytes: front.rest,
    };
    let mut values = Vec::with_capacity(places.len());
    for place in places {
        rest.skip_to(table.fields().len() - place)?;
        values.push(value::decode_ref(&mut rest.bytes).ok_or(EnvelopeError::Damaged)?);
        rest.fields -= 1;
    }
    Ok((values, rest))
}

/// Fields that were not read yet, and the document behind them.
struct Rest<'b> {
    fields: usize,
    bytes: &'b [u8],
}

impl Rest<'_> {
    /// Until only so many fields are left.
    fn skip_to(&mut self, fields: usize) -> Result<(), EnvelopeError> {
        while self.fields > fields {
            value::skip(&mut self.bytes).ok_or(EnvelopeError::Damaged)?;
            self.fields -= 1;
        }
        Ok(())
    }
}

/// Hands out the id and the values at these places, which are in ascending order.
pub(super) fn row(
    table: Table,
    places: &[usize],
    bytes: &[u8],
    take: impl FnOnce(&str, &[ValueRef<'_>]),
) -> Result<(), EnvelopeError> {
    let front = front(bytes)?;
    let (values, _) = values_of(table, places, &front)?;
    match value::decode_ref(&mut &*front.id) {
        Some(ValueRef::Text(id)) => take(&id, &values),
        Some(_) | None => return Err(EnvelopeError::Damaged),
    }
    Ok(())
}

/// The record without its document, and with the fields at these places only, which are in ascending order.
pub(super) fn outline(
    (table, sequence): (Table, u64),
    places: &[usize],
    bytes: &[u8],
) -> Result<Outline, EnvelopeError> {
    let front = front(bytes)?;
    let (values, _) = values_of(table, places, &front)?;
    outlined((table, sequence), places, &front, values)
}

fn outlined(
    (table, sequence): (Table, u64),
    places: &[usize],
    front: &Front<'_>,
    values: Vec<ValueRef<'_>>,
) -> Result<Outline, EnvelopeError> {
    let names = places.iter().map(|place| table.fields()[*place]);
    let values = values.into_iter().map(FieldValue::from);
    Ok(Outline {
        key: Key::new(table, front.id()?),
        revision: front.revision,
        sequence,
        fields: names.zip(values).collect(),
    })
}

/// The record with its document, and with the fields at these places only, which are in ascending order.
pub(super) fn decode(
    (table, sequence): (Table, u64),
    places: &[usize],
    bytes: &[u8],
    sealer: &Sealer,
) -> Result<Record, EnvelopeError> {
    let front = front(bytes)?;
    let (values, mut rest) = values_of(table, places, &front)?;
    rest.skip_to(0)?;
    let outline = outlined((table, sequence), places, &front, values)?;
    let document = sealer.open(&place_of_record(&outline.key), rest.bytes)?;
    Ok(Record {
        key: outline.key,
        revision: outline.revision,
        sequence,
        document,
        fields: outline.fields,
    })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], EnvelopeError> {
    let (taken, rest) = bytes
        .split_first_chunk::<N>()
        .ok_or(EnvelopeError::Damaged)?;
    *bytes = rest;
    Ok(*taken)
}
