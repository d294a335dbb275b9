//! Runbooks: steps for cleaning and service that nodes with the right trait may be put through by one name.

use super::items::{self, Rank, Repeats};
use super::{Resource, routes as common_routes, runbook_traits};
use crate::api::access::{Access, Target, check_runbook_patch};
use crate::api::call::Api;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, Pick, Write};
use crate::api::gates::RUNBOOK_TRAITS;
use crate::api::nodes::find::is_name;
use crate::api::patch::Patch;
use crate::api::root;
use crate::api::shape::Shape;
use crate::api::traits;
use crate::api::version::ApiVersion;
use axum::Router;
use axum::routing::{get, put};
use ferric_model::ids::RunbookId;
use ferric_model::recipe::Runbook;
use ferric_store::{FieldValue, value_of};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

const SINCE: u16 = 92;

pub(in crate::api) const RESOURCE: root::Resource = root::Resource {
    name: "runbooks",
    since: SINCE,
    routes,
};

fn routes() -> Router<Api> {
    common_routes::<Runbook>()
        .route(
            "/v1/runbooks/{ident}/traits",
            get(runbook_traits::list)
                .put(runbook_traits::replace)
                .delete(runbook_traits::clear),
        )
        .route(
            "/v1/runbooks/{ident}/traits/{trait}",
            put(runbook_traits::add).delete(runbook_traits::remove),
        )
}

pub(in crate::api) const TABLE: &[Field] = &[
    Field::new("uuid", SINCE, Write::Create, Shape::Uuid),
    Field::new("created_at", SINCE, Write::Never, Shape::Time),
    Field::new("updated_at", SINCE, Write::Never, Shape::Time),
    Field::new("name", SINCE, Write::Both, Shape::Required),
    Field::new("steps", SINCE, Write::Both, Shape::List),
    Field::new("disable_ramdisk", SINCE, Write::Both, Shape::Flag),
    Field::new("public", SINCE, Write::Both, Shape::Flag),
    Field::new("owner", SINCE, Write::Both, Shape::Text(255)),
    Field::new("extra", SINCE, Write::Both, Shape::Object),
    Field::new("description", RUNBOOK_TRAITS, Write::Both, Shape::Text(255)),
    Field::new("traits", RUNBOOK_TRAITS, Write::Never, Shape::Other),
    Field::new("links", SINCE, Write::Never, Shape::Other).pick(Pick::Always),
];

impl Resource for Runbook {
    const PATH: &'static str = "runbooks";
    const TABLE_OF_FIELDS: &'static [Field] = TABLE;
    const FILTERS: &'static [&'static str] = &["project"];

    fn blank(id: Uuid, at: Timestamp) -> Self {
        Self::new(RunbookId(id), at)
    }

    fn check(field: &Field, value: Value, version: ApiVersion) -> ApiResult<Value> {
        match (field.name, &value) {
            ("name", Value::String(name)) => check_name(name, version)?,
            ("steps", steps) => return items::check(steps, Rank::Order, Repeats::Allowed),
            _ => {}
        }
        Ok(value)
    }

    fn claim(&mut self, access: &Access) -> ApiResult<()> {
        self.owner = access.owner_of_new_runbook(self.owner.take(), self.public)?;
        Ok(())
    }

    fn check_steps(&self, access: &Access, before: Option<&Self>) -> ApiResult<()> {
        if before.is_some_and(|before| before.steps == self.steps) {
            return Ok(());
        }
        let steps = self.steps.iter();
        let steps = steps.map(|step| (step.interface.as_str(), step.step.as_str()));
        access.check_steps(steps, Target::NOBODYS)
    }

    fn check_patch(&self, access: &Access, patch: &Patch) -> ApiResult<()> {
        check_runbook_patch(access, patch, self)
    }

    fn is_listed_for(fields: &[(&'static str, FieldValue)], project: &str) -> bool {
        let is_public = *value_of(fields, "public") == FieldValue::Bool(true);
        is_public || value_of(fields, "owner").as_text() == Some(project)
    }

    /// A runbook that becomes public loses its owner; one that is public gets none.
    fn settle(&mut self, before: Option<&Self>) -> ApiResult<()> {
        let becomes_public = self.public && before.is_some_and(|before| !before.public);
        if becomes_public {
            self.owner = None;
        }
        if self.public && self.owner.is_some() {
            return Err(ApiError::invalid(
                "a runbook is either public or has an owner: leave one of them out",
            ));
        }
        Ok(())
    }
}

/// A trait in old versions, because nodes name the runbook by it.
fn check_name(name: &str, version: ApiVersion) -> ApiResult<()> {
    if version.0 < RUNBOOK_TRAITS {
        return traits::check(name);
    }
    if is_name(name) && name.parse::<Uuid>().is_err() {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "{name:?} is not a name: letters, digits and -._~, and no UUID"
    )))
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

    #[test]
    fn names_by_version() {
        let check = |name: &str, minor| check_name(name, ApiVersion(minor)).is_ok();
        assert!(check("CUSTOM_A", 111) && !check("wipe-all", 111));
        assert!(check("CUSTOM_A", 112) && check("wipe-all", 112));
        assert!(!check("wipe all", 112) && !check(&Uuid::nil().to_string(), 112));
    }
}
