//! The statement of a list: filters, order and a place to start behind. Names of fields are parameters too.
//!
//! Keyset paging: a page far behind costs as much as the first one. The plan does not rest on statistics, which a table of
//! all fields of all records cannot have: the places come from one walk of an index, in its order and up to the limit, and
//! each is looked up in the index for each filter. `OFFSET 0` keeps that lookup from being turned into a join.

use crate::transaction::SortOrder;
use std::fmt::Write as _;

/// What is wanted of each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Columns {
    Outline,
    Whole,
}

/// What is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Walk {
    /// All records, in the order of creation.
    Records,
    /// The values of a field, in their order.
    Field,
    /// Those with one value of a field, in the order of creation.
    Value,
    /// Those with one of several values, in the order of creation.
    Values,
}

/// The shape of a list. Parameters, in this order: kind; field, and value or values, of the walk; the marker's value (where
/// a field is walked) and place; field and values of each filter; the limit.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct List {
    pub(in super::super) columns: Columns,
    pub(in super::super) walk: Walk,
    pub(in super::super) order: SortOrder,
    pub(in super::super) behind_marker: bool,
    /// Beside what is walked.
    pub(in super::super) filters: usize,
    /// Those of which one of several fields is enough. They come behind the others.
    pub(in super::super) either: usize,
}

/// A statement that is being written, with the number of its last parameter.
struct Text {
    sql: String,
    parameters: usize,
}

impl Text {
    fn add(&mut self, part: &str) {
        self.sql += part;
    }

    fn parameter(&mut self) {
        self.parameters += 1;
        write!(self.sql, "${}", self.parameters).expect("a string takes all that is written");
    }
}

impl List {
    pub(in super::super) fn sql(self) -> String {
        let columns = match self.columns {
            Columns::Outline => "r.place, r.id, r.revision, r.fields",
            Columns::Whole => "r.place, r.id, r.revision, r.fields, r.layout, r.document",
        };
        let keys = match (self.walk, self.order) {
            (Walk::Field, SortOrder::Ascending) => "m.value ASC, m.place ASC",
            (Walk::Field, SortOrder::Descending) => "m.value DESC, m.place DESC",
            (_, SortOrder::Ascending) => "m.place ASC",
            (_, SortOrder::Descending) => "m.place DESC",
        };
        let mut text = Text {
            sql: format!("SELECT {columns} FROM ("),
            parameters: 1,
        };
        self.walked(&mut text);
        self.marker(&mut text);
        for filter in 0..self.filters + self.either {
            let of_one = filter < self.filters;
            text.add(
                " AND EXISTS (SELECT 1 FROM ferric_fields AS f WHERE f.kind = $1 AND f.field = ",
            );
            text.add(if of_one { "" } else { "ANY(" });
            text.parameter();
            text.add(if of_one { "" } else { ")" });
            text.add(" AND f.value = ANY(");
            text.parameter();
            text.add(") AND f.place = m.place OFFSET 0)");
        }
        text.add(&format!(" ORDER BY {keys} LIMIT "));
        text.parameter();
        text.add(") AS m JOIN ferric_records AS r ON r.kind = $1 AND r.place = m.place ORDER BY ");
        text.add(keys);
        text.sql
    }

    fn walked(self, text: &mut Text) {
        text.add(match self.walk {
            Walk::Records => "SELECT m.place FROM ferric_records AS m WHERE m.kind = $1",
            Walk::Field => {
                "SELECT m.value, m.place FROM ferric_fields AS m WHERE m.kind = $1 AND m.field = "
            }
            Walk::Value | Walk::Values => {
                "SELECT m.place FROM ferric_fields AS m WHERE m.kind = $1 AND m.field = "
            }
        });
        if self.walk != Walk::Records {
            text.parameter();
        }
        match self.walk {
            Walk::Records | Walk::Field => {}
            Walk::Value => {
                text.add(" AND m.value = ");
                text.parameter();
            }
            Walk::Values => {
                text.add(" AND m.value = ANY(");
                text.parameter();
                text.add(")");
            }
        }
    }

    fn marker(self, text: &mut Text) {
        if !self.behind_marker {
            return;
        }
        let comparison = match self.order {
            SortOrder::Ascending => ">",
            SortOrder::Descending => "<",
        };
        if self.walk == Walk::Field {
            text.add(&format!(" AND (m.value, m.place) {comparison} ("));
            text.parameter();
            text.add(", ");
            text.parameter();
            text.add(")");
        } else {
            text.add(&format!(" AND m.place {comparison} "));
            text.parameter();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_in_their_order() {
        let plain = List {
            columns: Columns::Outline,
            walk: Walk::Records,
            order: SortOrder::Ascending,
            behind_marker: false,
            filters: 0,
            either: 0,
        };
        assert_eq!(
            plain.sql(),
            "SELECT r.place, r.id, r.revision, r.fields FROM (SELECT m.place FROM ferric_records AS m \
             WHERE m.kind = $1 ORDER BY m.place ASC LIMIT $2) AS m \
             JOIN ferric_records AS r ON r.kind = $1 AND r.place = m.place ORDER BY m.place ASC"
        );
        let everything = List {
            walk: Walk::Field,
            order: SortOrder::Descending,
            behind_marker: true,
            filters: 1,
            either: 1,
            ..plain
        };
        assert_eq!(
            everything.sql(),
            "SELECT r.place, r.id, r.revision, r.fields FROM (SELECT m.value, m.place FROM ferric_fields AS m \
             WHERE m.kind = $1 AND m.field = $2 AND (m.value, m.place) < ($3, $4) \
             AND EXISTS (SELECT 1 FROM ferric_fields AS f WHERE f.kind = $1 AND f.field = $5 \
             AND f.value = ANY($6) AND f.place = m.place OFFSET 0) \
             AND EXISTS (SELECT 1 FROM ferric_fields AS f WHERE f.kind = $1 AND f.field = ANY($7) \
             AND f.value = ANY($8) AND f.place = m.place OFFSET 0) \
             ORDER BY m.value DESC, m.place DESC LIMIT $9) AS m \
             JOIN ferric_records AS r ON r.kind = $1 AND r.place = m.place ORDER BY m.value DESC, m.place DESC"
        );
        let by_value = List {
            walk: Walk::Value,
            behind_marker: true,
            ..plain
        };
        assert_eq!(
            by_value.sql(),
            "SELECT r.place, r.id, r.revision, r.fields FROM (SELECT m.place FROM ferric_fields AS m \
             WHERE m.kind = $1 AND m.field = $2 AND m.value = $3 AND m.place > $4 ORDER BY m.place ASC LIMIT $5) AS m \
             JOIN ferric_records AS r ON r.kind = $1 AND r.place = m.place ORDER BY m.place ASC"
        );
    }
}
