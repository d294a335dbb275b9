//! Lists as text: each record is written as it is read, so that nothing of it is kept.

use crate::record::{Outline, ValueRef};

/// How a record of a list is written.
pub trait WriteRow: Send + Sync {
    /// Appends a record. `values` are those of the fields that the query wants, in the order of
    /// [`Table::fields`](crate::Table::fields).
    fn write(&self, id: &str, values: &[ValueRef<'_>], text: &mut Vec<u8>);
}

/// A page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// What it was to begin with, and the records with commas between them.
    pub text: Vec<u8>,
    pub count: usize,
    /// The id of the last one.
    pub last: Option<String>,
}

/// After so many rows it is known how long they are.
const SAMPLE: usize = 16;

impl Rows {
    /// None yet, behind this text.
    pub(crate) fn after(text: &[u8]) -> Self {
        Self {
            text: text.to_vec(),
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, limit: usize, id: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if self.count > 0 {
            self.text.push(b',');
        }
        write(&mut self.text);
        self.count += 1;
        let last = self.last.get_or_insert_default();
        last.clear();
        last.push_str(id);
        if self.count == SAMPLE {
            // The text does not move all the time.
            let rest = limit.saturating_sub(SAMPLE).min(1000);
            self.text.reserve(self.text.len() / SAMPLE * rest);
        }
    }

    pub(crate) fn of(outlines: &[Outline], writer: &dyn WriteRow, text: &[u8]) -> Self {
        let mut rows = Self::after(text);
        for outline in outlines {
            let values = outline.fields.iter();
            let values: Vec<ValueRef<'_>> = values.map(|(_, value)| value.into()).collect();
            let id = &outline.key.id;
            rows.push(outlines.len(), id, |text| writer.write(id, &values, text));
        }
        rows
    }
}
