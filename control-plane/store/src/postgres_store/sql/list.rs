//! The statement of a list: filters, order and a place to start behind. Names of fields are parameters too.
//!
//! Keyset paging: a page far behind costs as much as the first one.

use crate::transaction::SortOrder;
use std::fmt::Write as _;

/// What is wanted of each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Columns {
    Outline,
    Whole,
}

/// The shape of a list. Parameters, in this order: kind; then the sort's field; then the marker's value (with a sort) and
/// place; then field and values of each filter; then the limit.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct List {
    pub(in super::super) columns: Columns,
    /// By a field, or else by creation.
    pub(in super::super) by_field: bool,
    pub(in super::super) order: SortOrder,
    pub(in super::super) behind_marker: bool,
    pub(in super::super) filters: usize,
}

impl List {
    pub(in super::super) fn sql(self) -> String {
        let columns = match self.columns {
            Columns::Outline => "r.place, r.id, r.revision, r.fields",
            Columns::Whole => "r.place, r.id, r.revision, r.fields, r.layout, r.document",
        };
        let mut sql = format!("SELECT {columns} FROM ");
        let mut parameter = 1;
        let mut next = || {
            parameter += 1;
            parameter
        };
        sql += if self.by_field {
            "ferric_fields AS s JOIN ferric_records AS r ON r.kind = s.kind AND r.place = s.place WHERE s.kind = $1"
        } else {
            "ferric_records AS r WHERE r.kind = $1"
        };
        let (direction, comparison) = match self.order {
            SortOrder::Ascending => ("ASC", '>'),
            SortOrder::Descending => ("DESC", '<'),
        };
        if self.by_field {
            write(&mut sql, format_args!(" AND s.field = ${}", next()));
        }
        if self.behind_marker && self.by_field {
            let (value, place) = (next(), next());
            write(
                &mut sql,
                format_args!(" AND (s.value, s.place) {comparison} (${value}, ${place})"),
            );
        } else if self.behind_marker {
            write(
                &mut sql,
                format_args!(" AND r.place {comparison} ${}", next()),
            );
        }
        for _ in 0..self.filters {
            let (field, values) = (next(), next());
            write(
                &mut sql,
                format_args!(
                    " AND EXISTS (SELECT 1 FROM ferric_fields AS f WHERE f.kind = r.kind \
                     AND f.place = r.place AND f.field = ${field} AND f.value = ANY(${values}))"
                ),
            );
        }
        let keys = if self.by_field {
            format!("s.value {direction}, s.place {direction}")
        } else {
            format!("r.place {direction}")
        };
        write(&mut sql, format_args!(" ORDER BY {keys} LIMIT ${}", next()));
        sql
    }
}

fn write(sql: &mut String, part: std::fmt::Arguments<'_>) {
    sql.write_fmt(part)
        .expect("a string takes all that is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_in_their_order() {
        let plain = List {
            columns: Columns::Outline,
            by_field: false,
            order: SortOrder::Ascending,
            behind_marker: false,
            filters: 0,
        };
        assert_eq!(
            plain.sql(),
            "SELECT r.place, r.id, r.revision, r.fields FROM ferric_records AS r WHERE r.kind = $1 \
             ORDER BY r.place ASC LIMIT $2"
        );
        let everything = List {
            by_field: true,
            order: SortOrder::Descending,
            behind_marker: true,
            filters: 1,
            ..plain
        };
        assert_eq!(
            everything.sql(),
            "SELECT r.place, r.id, r.revision, r.fields FROM ferric_fields AS s \
             JOIN ferric_records AS r ON r.kind = s.kind AND r.place = s.place WHERE s.kind = $1 AND s.field = $2 \
             AND (s.value, s.place) < ($3, $4) AND EXISTS (SELECT 1 FROM ferric_fields AS f WHERE f.kind = r.kind \
             AND f.place = r.place AND f.field = $5 AND f.value = ANY($6)) \
             ORDER BY s.value DESC, s.place DESC LIMIT $7"
        );
    }
}
