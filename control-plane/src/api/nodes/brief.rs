//! A node as a list shows it from what stands in the store's indexes: for fields of which no document has to be opened.

use super::view::{View, state_name};
use crate::api::fields::Field;
use crate::api::json_text;
use crate::api::links::Pairs;
use crate::api::version::ApiVersion;
use ferric_store::{FieldValue, Outline, value_of};

/// Those that stand there as they are shown. What not everybody may see of a node is not among them.
const IN_INDEXES: &[&str] = &[
    "uuid",
    "allocation_uuid",
    "automated_clean",
    "boot_mode",
    "chassis_uuid",
    "conductor_group",
    "console_enabled",
    "description",
    "disable_power_off",
    "driver",
    "fault",
    "health",
    "instance_name",
    "instance_uuid",
    "lessee",
    "maintenance",
    "name",
    "owner",
    "parent_node",
    "power_state",
    "protected",
    "provision_state",
    "resource_class",
    "retired",
    "secure_boot",
    "shard",
    "target_power_state",
    "target_provision_state",
];

impl View<'_> {
    /// Whether all that is wanted stands in the store's indexes.
    pub(super) fn needs_no_document(&self) -> bool {
        let known = |field: &&Field| field.name == "links" || IN_INDEXES.contains(&field.name);
        self.fields().all(|field| known(&field))
    }

    /// For all rows of a list.
    pub(super) fn rows(&self) -> Rows {
        let columns = self.fields().map(|field| {
            let mut label = Vec::new();
            json_text::push(field.name, &mut label);
            label.push(b':');
            Column {
                name: field.name,
                label,
            }
        });
        Rows {
            columns: columns.collect(),
            links: self.node_links(),
            version: self.version(),
        }
    }
}

/// How each node of a list is written.
pub(super) struct Rows {
    columns: Vec<Column>,
    links: Pairs,
    version: ApiVersion,
}

struct Column {
    name: &'static str,
    /// Quoted, with its colon.
    label: Vec<u8>,
}

impl Rows {
    /// What a node's outline must have.
    pub(super) fn wanted(&self) -> Vec<&'static str> {
        let names = self.columns.iter().map(|column| column.name);
        names.filter(|name| *name != "links").collect()
    }

    /// Appends the node as JSON.
    pub(super) fn push(&self, outline: &Outline, text: &mut Vec<u8>) {
        for (place, column) in self.columns.iter().enumerate() {
            text.push(if place == 0 { b'{' } else { b',' });
            text.extend_from_slice(&column.label);
            match column.name {
                "links" => self.links.push(&outline.key.id, text),
                name => self.push_value(name, value_of(&outline.fields, name), text),
            }
        }
        text.push(b'}');
    }

    fn push_value(&self, name: &str, value: &FieldValue, text: &mut Vec<u8>) {
        match value {
            FieldValue::Null => text.extend_from_slice(b"null"),
            FieldValue::Bool(flag) => json_text::push(flag, text),
            FieldValue::Integer(number) => json_text::push(number, text),
            FieldValue::Text(state) if name == "provision_state" => match state.parse() {
                Ok(state) => json_text::push(&state_name(state, self.version), text),
                Err(_) => json_text::push(state, text),
            },
            FieldValue::Text(value) => json_text::push(value, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::access::Access;
    use crate::api::links::Base;
    use crate::api::nodes::table::NODE;
    use crate::api::nodes::values::tests::full;
    use crate::api::selection::Selection;
    use ferric_model::node::Node;
    use ferric_store::{Entity, Revision};
    use jiff::Timestamp;

    #[test]
    fn a_list_shows_from_the_indexes_what_documents_would_show() {
        let (base, access) = (Base::new("http://192.0.2.1"), Access::unlimited());
        let mut names: Vec<String> = IN_INDEXES.iter().map(|name| (*name).to_owned()).collect();
        names.push("links".to_owned());
        for node in [
            full(),
            Node::new(full().uuid, "ipmi", Timestamp::UNIX_EPOCH),
        ] {
            let outline = Outline {
                key: node.key(),
                revision: Revision(1),
                sequence: 1,
                fields: node.fields(),
            };
            for version in [1, 38, 115].map(ApiVersion) {
                let selection = Selection::Named(names.clone());
                let view = View::new(version, &base, &access, selection);
                assert!(view.needs_no_document());
                let (rows, mut text) = (view.rows(), Vec::new());
                rows.push(&outline, &mut text);
                let expected = view.show(&node).to_string();
                assert_eq!(String::from_utf8(text).unwrap(), expected);
                let wanted = rows.wanted();
                assert!(wanted.iter().all(|name| Node::FIELDS.contains(name)));
            }
        }
    }

    #[test]
    fn what_only_documents_have_is_not_taken_for_indexed() {
        let (base, access) = (Base::new("http://192.0.2.1"), Access::unlimited());
        for field in NODE {
            let selection = Selection::Named(vec![field.name.to_owned()]);
            let view = View::new(ApiVersion::MAX, &base, &access, selection);
            let is_indexed = IN_INDEXES.contains(&field.name);
            let has_links_only = view.fields().all(|field| field.name == "links");
            assert_eq!(
                view.needs_no_document(),
                is_indexed || has_links_only,
                "{}",
                field.name
            );
        }
    }
}
