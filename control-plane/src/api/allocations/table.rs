//! The fields of an allocation, and how one is shown. Most names of the model are those of the wire.

use super::SINCE;
use crate::api::error::ApiResult;
use crate::api::fields::{Field, Pick, Write};
use crate::api::links::Base;
use crate::api::selection::Selection;
use crate::api::shape::{ANY_LENGTH, Shape};
use crate::api::version::ApiVersion;
use ferric_model::allocation::Allocation;
use ferric_model::node::Object;
use serde_json::Value;

const OWNER_SINCE: u16 = 60;

/// In the order in which they are shown.
pub(in crate::api) const ALLOCATION: &[Field] = &[
    Field::new("uuid", SINCE, Write::Create, Shape::Uuid),
    Field::new("created_at", SINCE, Write::Never, Shape::Time),
    Field::new("updated_at", SINCE, Write::Never, Shape::Time),
    // Lists are checked where they are read: they may be left out, and what is in them matters.
    Field::new("candidate_nodes", SINCE, Write::Create, Shape::Other),
    Field::new("extra", SINCE, Write::Both, Shape::Object),
    Field::new("last_error", SINCE, Write::Never, Shape::Text(ANY_LENGTH)),
    Field::new("name", SINCE, Write::Both, Shape::Text(255)),
    Field::new("node_uuid", SINCE, Write::Never, Shape::Uuid),
    Field::new("owner", OWNER_SINCE, Write::Create, Shape::Text(255)),
    Field::new("resource_class", SINCE, Write::Create, Shape::Text(80)),
    Field::new("state", SINCE, Write::Never, Shape::Text(16)),
    Field::new("traits", SINCE, Write::Create, Shape::Other),
    Field::new("links", SINCE, Write::Never, Shape::Other).pick(Pick::Always),
];

pub(super) fn show(
    allocation: &Allocation,
    selection: &Selection,
    version: ApiVersion,
    base: &Base,
) -> ApiResult<Value> {
    let mut stored = document(allocation)?;
    let fields = ALLOCATION
        .iter()
        .filter(|field| selection.shows(field, version));
    let shown = fields.map(|field| {
        let value = match field.name {
            "links" => base.pair(format!("allocations/{}", allocation.uuid)),
            name => field.shape.show(stored.remove(name).unwrap_or_default()),
        };
        (field.name.to_owned(), value)
    });
    Ok(Value::Object(shown.collect()))
}

/// It by the names of the model.
pub(super) fn document(allocation: &Allocation) -> ApiResult<Object> {
    crate::api::document::document(allocation, "allocation")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn the_gates_in_full() {
        let mut table = String::new();
        for field in ALLOCATION {
            writeln!(table, "{}", field.line()).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
