//! The port's fields: since when, who writes them, and their form.

use crate::api::fields::{Field, Pick, Write};
use crate::api::shape::Shape;

const fn both(name: &'static str, since: u16, shape: Shape) -> Field {
    Field::new(name, since, Write::Both, shape)
}

/// In the order in which they are shown.
pub(in crate::api) const PORT: &[Field] = &[
    Field::new("uuid", 1, Write::Create, Shape::Uuid),
    Field::new("created_at", 1, Write::Never, Shape::Time),
    Field::new("updated_at", 1, Write::Never, Shape::Time),
    both("address", 1, Shape::Mac),
    both("extra", 1, Shape::Object),
    Field::new("internal_info", 18, Write::Never, Shape::Object),
    both("is_smartnic", 53, Shape::Flag),
    both("local_link_connection", 19, Shape::Object),
    both("physical_network", 34, Shape::Text(64)),
    both("pxe_enabled", 19, Shape::OnFlag),
    both("node_uuid", 1, Shape::Required),
    both("name", 88, Shape::Text(255)),
    both("description", 97, Shape::Text(255)),
    both("vendor", 100, Shape::Text(32)),
    both("category", 101, Shape::Text(80)),
    both("available_for_dynamic_portgroup", 111, Shape::OnFlag),
    both("portgroup_uuid", 24, Shape::Uuid),
    Field::new("links", 1, Write::Never, Shape::Other).pick(Pick::Always),
];

/// What a list shows of each port unless it is asked for more.
pub(super) const BRIEF: &[&str] = &["uuid", "address"];

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
                ("port", Selection::All),
                ("ports list", Selection::Brief(BRIEF)),
            ] {
                ironic::check_keys(what, minor, |version| {
                    let shown = PORT.iter().filter(|field| selection.shows(field, version));
                    shown.map(|field| field.name).collect()
                });
            }
        }
    }

    #[test]
    fn the_gates_in_full() {
        let mut table = String::new();
        for field in PORT {
            writeln!(table, "{}", field.line()).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
