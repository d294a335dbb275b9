//! Chassis: the boxes that nodes sit in, and the nodes of each.

use super::Resource;
use super::reading::{detailed, find};
use super::{collection, item};
use crate::api::access::{Rule, rules};
use crate::api::call::{Api, Call};
use crate::api::error::ApiResult;
use crate::api::fields::{Field, Pick, Write};
use crate::api::gates;
use crate::api::json_text::JsonText;
use crate::api::nodes;
use crate::api::path::Path;
use crate::api::root;
use crate::api::shape::Shape;
use axum::Router;
use axum::routing::get;
use ferric_model::chassis::Chassis;
use ferric_model::ids::{ChassisId, NodeId};
use ferric_store::{Key, Query, Table};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

pub(in crate::api) const RESOURCE: root::Resource = root::Resource {
    name: "chassis",
    since: 1,
    routes,
};

fn routes() -> Router<Api> {
    Router::new()
        .route("/v1/chassis", collection::<Chassis>())
        .route("/v1/chassis/detail", get(detailed::<Chassis>))
        .route("/v1/chassis/{ident}", item::<Chassis>())
        .route("/v1/chassis/{ident}/nodes", get(nodes_in))
        .route("/v1/chassis/{ident}/nodes/detail", get(nodes_in_detailed))
}

async fn nodes_in(call: Call, Path(ident): Path<String>) -> ApiResult<JsonText> {
    let chassis = find::<Chassis>(&call, &ident).await?.1.uuid;
    nodes::in_chassis(&call, chassis).await
}

async fn nodes_in_detailed(call: Call, Path(ident): Path<String>) -> ApiResult<JsonText> {
    let chassis = find::<Chassis>(&call, &ident).await?.1.uuid;
    nodes::in_chassis_detailed(&call, chassis).await
}

/// For whoever refers to one.
pub(in crate::api) async fn exists(call: &Call, id: Uuid) -> ApiResult<bool> {
    let key = Key::new(Table::Chassis, id);
    Ok(call.conductor().store().get(&key).await?.is_some())
}

/// In the order in which they are shown.
pub(in crate::api) const TABLE: &[Field] = &[
    Field::new("uuid", 1, Write::Create, Shape::Uuid),
    Field::new("created_at", 1, Write::Never, Shape::Time),
    Field::new("updated_at", 1, Write::Never, Shape::Time),
    Field::new("description", 1, Write::Both, Shape::Text(255)),
    Field::new("extra", 1, Write::Both, Shape::Object),
    Field::new("links", 1, Write::Never, Shape::Other).pick(Pick::Always),
    Field::new("nodes", 1, Write::Never, Shape::Other),
];

const BRIEF: &[&str] = &["uuid", "description"];

impl Resource for Chassis {
    const PATH: &'static str = "chassis";
    const LIST: &'static str = "chassis";
    const DETAIL_SINCE: u16 = gates::DETAIL;
    const TABLE_OF_FIELDS: &'static [Field] = TABLE;
    const BRIEF: &'static [&'static str] = BRIEF;
    const FILTERS: &'static [&'static str] = &[];
    const NAMED: bool = false;
    const CREATE: Rule = rules::CHASSIS_CREATE;
    const UPDATE: Rule = rules::CHASSIS_UPDATE;

    fn blank(id: Uuid, _node: Option<NodeId>, at: Timestamp) -> Self {
        Self::new(ChassisId(id), at)
    }

    fn check(_field: &Field, value: Value) -> ApiResult<Value> {
        Ok(value)
    }

    /// A list that holds the pair of links: Ironic has it so.
    fn shown(&self, field: &Field, call: &Call) -> Option<Value> {
        let nodes = || json!([call.base.pair(format!("chassis/{}/nodes", self.uuid))]);
        (field.name == "nodes").then(nodes)
    }

    async fn filtered(_call: &Call, _node: Option<&str>, query: Query) -> ApiResult<Query> {
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::selection::Selection;
    use crate::api::tests::ironic;
    use std::fmt::Write as _;

    #[test]
    fn every_version_shows_the_keys_of_ironic() {
        for minor in 1..=115 {
            for (what, selection) in [
                ("chassis", Selection::All),
                ("chassis list", Selection::Brief(BRIEF)),
            ] {
                ironic::check_keys(what, minor, |version| {
                    let shown = TABLE.iter().filter(|field| selection.shows(field, version));
                    shown.map(|field| field.name).collect()
                });
            }
        }
    }

    #[test]
    fn the_gates_in_full() {
        let mut table = String::new();
        for field in TABLE {
            writeln!(table, "{}", field.line()).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
