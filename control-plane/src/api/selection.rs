//! Which fields of an object a request wants to see: `fields`, `detail`, or what its kind shows by default.

use super::call::Call;
use super::error::{ApiError, ApiResult};
use super::fields::{Field, Pick, find, newer};
use super::version::ApiVersion;
use crate::api::gates::{DETAIL, FIELDS};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    All,
    /// Those of a list without `fields` or `detail`.
    Brief(&'static [&'static str]),
    Named(Vec<String>),
}

impl Selection {
    /// For a list.
    pub(super) fn of_list(
        call: &Call,
        table: &'static [Field],
        brief: &'static [&'static str],
    ) -> ApiResult<Self> {
        Self::of_list_since(call, table, brief, DETAIL)
    }

    /// For a list that takes `detail` since another version than others.
    pub(super) fn of_list_since(
        call: &Call,
        table: &'static [Field],
        brief: &'static [&'static str],
        since: u16,
    ) -> ApiResult<Self> {
        let named = Self::named(call, table)?;
        let detail = call.arguments.boolean("detail")?;
        if detail.is_some() && call.version.0 < since {
            let text = format!("the argument detail needs API version 1.{since} or newer");
            return Err(ApiError::invalid(text));
        }
        match (detail, named) {
            (Some(true), Some(_)) => Err(ApiError::invalid("detail and fields do not go together")),
            (Some(true), None) => Ok(Self::All),
            (_, Some(named)) => Ok(named),
            (_, None) => Ok(Self::Brief(brief)),
        }
    }

    /// For one object.
    pub(super) fn of_one(call: &Call, table: &'static [Field]) -> ApiResult<Self> {
        Ok(Self::named(call, table)?.unwrap_or(Self::All))
    }

    fn named(call: &Call, table: &'static [Field]) -> ApiResult<Option<Self>> {
        let Some(names) = call.arguments.list("fields") else {
            return Ok(None);
        };
        check_names(table, &names, call.version)?;
        Ok(Some(Self::Named(names)))
    }

    pub(super) fn shows(&self, field: &Field, version: ApiVersion) -> bool {
        let wanted = match self {
            Self::All => true,
            Self::Brief(names) => names.contains(&field.name),
            Self::Named(names) => names.iter().any(|name| name == field.name),
        };
        let always = matches!(field.pick, Pick::Always | Pick::Silent);
        field.exists_in(version) && (wanted || always)
    }
}

/// 400 for a name that is none, 406 for one that is newer than the request.
fn check_names(table: &'static [Field], names: &[String], version: ApiVersion) -> ApiResult<()> {
    if version.0 < FIELDS {
        return Err(newer("the argument fields", FIELDS));
    }
    let may_be_named = |field: &&Field| matches!(field.pick, Pick::Yes | Pick::Always);
    for name in names {
        let field = find(table, name).filter(may_be_named);
        let field = field.ok_or_else(|| {
            ApiError::invalid(format!("{name} is not a field that can be asked for"))
        })?;
        if !field.exists_in(version) {
            return Err(newer(&format!("the field {name}"), field.since));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::fields::Write;
    use super::super::shape::Shape;
    use super::*;

    const TABLE: &[Field] = &[
        Field::new("uuid", 1, Write::Never, Shape::Uuid),
        Field::new("name", 9, Write::Never, Shape::Other),
        Field::new("ports", 1, Write::Never, Shape::Other).pick(Pick::No),
        Field::new("links", 1, Write::Never, Shape::Other).pick(Pick::Silent),
    ];

    #[test]
    fn names_by_version() {
        let check = |names: &[&str], minor, expected: Option<&str>| {
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            let found = check_names(TABLE, &names, ApiVersion(minor)).err();
            let found = found.map(|error| format!("{error:?}"));
            match (found, expected) {
                (None, None) => {}
                (Some(found), Some(expected)) => assert!(found.contains(expected), "{found}"),
                (found, expected) => panic!("{found:?} is not {expected:?}"),
            }
        };
        check(&["uuid", "name"], 9, None);
        check(&["uuid"], 7, Some("406"));
        check(&["name"], 8, Some("406"));
        check(&["bogus"], 9, Some("400"));
        check(&["ports"], 9, Some("400"));
        check(&["links"], 9, Some("400"));
    }

    #[test]
    fn links_come_always() {
        let named = Selection::Named(vec!["uuid".to_owned()]);
        let shown = TABLE
            .iter()
            .filter(|field| named.shows(field, ApiVersion(9)));
        let names: Vec<_> = shown.map(|field| field.name).collect();
        assert_eq!(names, ["uuid", "links"]);
    }
}
