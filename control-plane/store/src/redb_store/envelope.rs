//! How a record lies in the file: a clear head with what the store itself needs, and the sealed document.
//!
//! The head begins with its own version and that of the document, so that later releases can read what this one wrote.

use crate::record::{FieldValue, Key, Outline, Record, Revision, Table};
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

/// Reads the head; answers it with the sealed rest.
pub(super) fn head(bytes: &[u8]) -> Result<(Head, &[u8]), EnvelopeError> {
    let mut rest = bytes;
    let [layout] = take(&mut rest)?;
    let document = u16::from_be_bytes(take(&mut rest)?);
    if layout != LAYOUT || document > DOCUMENT_VERSION {
        return Err(EnvelopeError::Newer { layout, document });
    }
    let revision = Revision(u64::from_be_bytes(take(&mut rest)?));
    let [owned] = take(&mut rest)?;
    let epoch = Epoch(u64::from_be_bytes(take(&mut rest)?));
    let Some(FieldValue::Text(id)) = value::decode(&mut rest) else {
        return Err(EnvelopeError::Damaged);
    };
    let [count] = take(&mut rest)?;
    let values = (0..count).map(|_| value::decode(&mut rest)).collect();
    let values: Option<Vec<FieldValue>> = values;
    let head = Head {
        id,
        revision,
        epoch: (owned == 1).then_some(epoch),
        values: values.ok_or(EnvelopeError::Damaged)?,
    };
    Ok((head, rest))
}

/// The record without its document.
pub(super) fn outline(table: Table, sequence: u64, bytes: &[u8]) -> Result<Outline, EnvelopeError> {
    let (head, _) = head(bytes)?;
    outlined(table, sequence, head)
}

fn outlined(table: Table, sequence: u64, head: Head) -> Result<Outline, EnvelopeError> {
    if head.values.len() != table.fields().len() {
        return Err(EnvelopeError::Damaged);
    }
    let names = table.fields().iter().copied();
    Ok(Outline {
        key: Key::new(table, head.id),
        revision: head.revision,
        sequence,
        fields: names.zip(head.values).collect(),
    })
}

/// The whole record.
pub(super) fn decode(
    table: Table,
    sequence: u64,
    bytes: &[u8],
    sealer: &Sealer,
) -> Result<Record, EnvelopeError> {
    let (head, sealed) = head(bytes)?;
    let outline = outlined(table, sequence, head)?;
    let document = sealer.open(&place_of_record(&outline.key), sealed)?;
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
