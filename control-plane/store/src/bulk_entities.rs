//! Which fields of bulk requests and their items stand in an index: what the conductor looks for, and what lists show.

use crate::entities::{display, text, time};
use crate::record::{Entity, FieldValue, Table};
use ferric_model::bulk::{BulkItem, BulkRequest};

impl Entity for BulkRequest {
    const TABLE: Table = Table::BulkRequest;
    const UNIQUE: &'static [&'static str] = &[];
    const FIELDS: &'static [&'static str] = &["uuid", "action", "owner", "open", "created_at"];

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("uuid", FieldValue::Text(self.id.to_string())),
            ("action", text(Some(self.action.name()))),
            ("owner", text(self.owner.as_deref())),
            ("open", FieldValue::Bool(self.open)),
            ("created_at", time(Some(self.created_at))),
        ]
    }
}

impl Entity for BulkItem {
    const TABLE: Table = Table::BulkItem;
    const UNIQUE: &'static [&'static str] = &[];
    const FIELDS: &'static [&'static str] = &["request", "number", "node_uuid", "state", "room"];

    fn id(&self) -> String {
        Self::id_of(self.request, self.number)
    }

    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("request", FieldValue::Text(self.request.to_string())),
            ("number", FieldValue::Integer(self.number.into())),
            ("node_uuid", display(self.node)),
            ("state", text(Some(self.state.name()))),
            ("room", text(self.room().map(|room| room.name()))),
        ]
    }
}
