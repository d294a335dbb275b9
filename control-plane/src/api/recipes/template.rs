//! Deploy templates: steps for every deploy whose instance asks for the trait of this name.

use super::items::{self, Rank, Repeats};
use super::{Resource, routes};
use crate::api::error::ApiResult;
use crate::api::fields::{Field, Pick, Write};
use crate::api::root;
use crate::api::shape::Shape;
use crate::api::traits;
use crate::api::version::ApiVersion;
use ferric_model::ids::TemplateId;
use ferric_model::recipe::DeployTemplate;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

const SINCE: u16 = 55;

pub(in crate::api) const RESOURCE: root::Resource = root::Resource {
    name: "deploy_templates",
    since: SINCE,
    routes: routes::<DeployTemplate>,
};

pub(in crate::api) const TABLE: &[Field] = &[
    Field::new("uuid", SINCE, Write::Create, Shape::Uuid),
    Field::new("created_at", SINCE, Write::Never, Shape::Time),
    Field::new("updated_at", SINCE, Write::Never, Shape::Time),
    Field::new("name", SINCE, Write::Both, Shape::Required),
    Field::new("steps", SINCE, Write::Both, Shape::List),
    Field::new("extra", SINCE, Write::Both, Shape::Object),
    Field::new("links", SINCE, Write::Never, Shape::Other).pick(Pick::Always),
];

impl Resource for DeployTemplate {
    const PATH: &'static str = "deploy_templates";
    const TABLE_OF_FIELDS: &'static [Field] = TABLE;

    fn blank(id: Uuid, at: Timestamp) -> Self {
        Self::new(TemplateId(id), at)
    }

    fn check(field: &Field, value: Value, _version: ApiVersion) -> ApiResult<Value> {
        match (field.name, &value) {
            ("name", Value::String(name)) => traits::check(name)?,
            ("steps", steps) => return items::check(steps, Rank::Priority, Repeats::Refused),
            _ => {}
        }
        Ok(value)
    }

    fn settle(&mut self, _before: Option<&Self>) -> ApiResult<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn the_gates_in_full() {
        let mut table = String::new();
        for field in TABLE {
            writeln!(table, "{}", field.line()).unwrap();
        }
        insta::assert_snapshot!(table);
    }
}
