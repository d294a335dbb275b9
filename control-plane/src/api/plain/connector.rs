//! Volume connectors: by which names storage knows a node.

use super::Resource;
use super::volume::{SINCE, by_node};
use crate::api::access::{Rule, rules};
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::fields::{Field, Pick, Write};
use crate::api::shape::Shape;
use ferric_model::ids::{NodeId, VolumeConnectorId};
use ferric_model::volume::VolumeConnector;
use ferric_store::Query;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// In the order in which they are shown.
pub(in crate::api) const TABLE: &[Field] = &[
    Field::new("uuid", SINCE, Write::Create, Shape::Uuid),
    Field::new("created_at", SINCE, Write::Never, Shape::Time),
    Field::new("updated_at", SINCE, Write::Never, Shape::Time),
    Field::new("connector_id", SINCE, Write::Both, Shape::Given),
    Field::new("extra", SINCE, Write::Both, Shape::Object),
    Field::new("type", SINCE, Write::Both, Shape::Given),
    Field::new("node_uuid", SINCE, Write::Both, Shape::Required),
    Field::new("links", SINCE, Write::Never, Shape::Other).pick(Pick::Always),
];

const BRIEF: &[&str] = &["uuid", "node_uuid", "type", "connector_id"];

impl Resource for VolumeConnector {
    const PATH: &'static str = "volume/connectors";
    const LIST: &'static str = "connectors";
    const DETAIL_SINCE: u16 = SINCE;
    const TABLE_OF_FIELDS: &'static [Field] = TABLE;
    const BRIEF: &'static [&'static str] = BRIEF;
    const FILTERS: &'static [&'static str] = &["node"];
    const NAMED: bool = false;
    const CREATE: Rule = rules::VOLUME_CREATE;
    const UPDATE: Rule = rules::VOLUME_UPDATE;

    fn blank(id: Uuid, node: Option<NodeId>, at: Timestamp) -> Self {
        // It is not stored before it has one.
        let node = node.unwrap_or(NodeId(Uuid::nil()));
        Self::new(VolumeConnectorId(id), node, at)
    }

    fn check(_field: &Field, value: Value) -> ApiResult<Value> {
        Ok(value)
    }

    fn shown(&self, _field: &Field, _call: &Call) -> Option<Value> {
        None
    }

    async fn filtered(call: &Call, node: Option<&str>, query: Query) -> ApiResult<Query> {
        by_node(call, node, query).await
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
        for minor in SINCE..=115 {
            for (what, selection) in [
                ("connector", Selection::All),
                ("connectors list", Selection::Brief(BRIEF)),
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
