//! A node as a list shows it from what stands in the store's indexes: for fields of which no document has to be opened.

use super::view::{View, state_name};
use crate::api::fields::Field;
use crate::api::json_text;
use crate::api::links::Pairs;
use crate::api::version::ApiVersion;
use ferric_model::node::Node;
use ferric_store::{Entity as _, ValueRef, WriteRow};

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
        let known = |field: &&Field| field.name == LINKS || IN_INDEXES.contains(&field.name);
        self.fields().all(|field| known(&field))
    }

    /// For all rows of a list.
    pub(super) fn rows(&self) -> RowForm {
        let mut wanted: Vec<&'static str> = self.fields().map(|field| field.name).collect();
        wanted.retain(|name| *name != LINKS);
        wanted.sort_by_key(|name| Node::FIELDS.iter().position(|known| known == name));
        let columns = self.fields().enumerate().map(|(number, field)| {
            let mut label = vec![if number == 0 { b'{' } else { b',' }];
            json_text::push(field.name, &mut label);
            label.push(b':');
            let place = wanted.iter().position(|name| *name == field.name);
            Column {
                label,
                shows: match (field.name, place) {
                    (STATE, Some(place)) => Shows::State(place),
                    (_, Some(place)) => Shows::Value(place),
                    (_, None) => Shows::Links,
                },
            }
        });
        RowForm {
            columns: columns.collect(),
            wanted: wanted.clone(),
            links: self.node_links(),
            version: self.version(),
        }
    }
}

const LINKS: &str = "links";
const STATE: &str = "provision_state";

/// How each node of a list is written.
pub(super) struct RowForm {
    columns: Vec<Column>,
    /// In the order of the table's fields.
    wanted: Vec<&'static str>,
    links: Pairs,
    version: ApiVersion,
}

struct Column {
    /// What stands before the value.
    label: Vec<u8>,
    shows: Shows,
}

/// With places among the values that are wanted.
enum Shows {
    Links,
    State(usize),
    Value(usize),
}

impl RowForm {
    /// What the store must have of a node.
    pub(super) fn wanted(&self) -> Vec<&'static str> {
        self.wanted.clone()
    }

    fn push_state(&self, value: &ValueRef<'_>, text: &mut Vec<u8>) {
        match value {
            ValueRef::Text(state) => match state.parse() {
                Ok(state) => json_text::push(&state_name(state, self.version), text),
                Err(_) => json_text::push(state.as_ref(), text),
            },
            other => push_value(other, text),
        }
    }
}

impl WriteRow for RowForm {
    fn write(&self, id: &str, values: &[ValueRef<'_>], text: &mut Vec<u8>) {
        let value = |place: usize| values.get(place).unwrap_or(&ValueRef::Null);
        for column in &self.columns {
            text.extend_from_slice(&column.label);
            match column.shows {
                Shows::Links => self.links.push(id, text),
                Shows::State(place) => self.push_state(value(place), text),
                Shows::Value(place) => push_value(value(place), text),
            }
        }
        text.push(b'}');
    }
}

fn push_value(value: &ValueRef<'_>, text: &mut Vec<u8>) {
    match value {
        ValueRef::Null => text.extend_from_slice(b"null"),
        ValueRef::Bool(flag) => json_text::push(flag, text),
        ValueRef::Integer(number) => json_text::push(number, text),
        ValueRef::Text(value) => json_text::push(value.as_ref(), text),
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
            let (fields, id) = (node.fields(), node.id());
            for version in [1, 38, 115].map(ApiVersion) {
                let selection = Selection::Named(names.clone());
                let view = View::new(version, &base, &access, selection);
                assert!(view.needs_no_document());
                let (rows, mut text) = (view.rows(), Vec::new());
                let wanted = rows.wanted();
                assert!(wanted.iter().all(|name| Node::FIELDS.contains(name)));
                let values = fields.iter().filter(|(name, _)| wanted.contains(name));
                let values: Vec<ValueRef<'_>> = values.map(|(_, value)| value.into()).collect();
                assert_eq!(values.len(), wanted.len());
                rows.write(&id, &values, &mut text);
                let expected = view.show(&node).to_string();
                assert_eq!(String::from_utf8(text).unwrap(), expected);
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
