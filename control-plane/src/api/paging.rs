//! Lists: how many, from where, in which order, and the link to the next page.

use super::call::Call;
use super::error::{ApiError, ApiResult};
use super::fields::{Field, find, need};
use super::shape::Shape;
use super::version::ApiVersion;
use ferric_store::{Query, SortOrder, Table};
use serde_json::Value;
use url::form_urlencoded::Serializer;

/// The keys that every list takes.
pub(super) const KEYS: &[&str] = &["limit", "marker", "sort_key", "sort_dir"];

/// How many are shown at once.
pub(super) fn limit(call: &Call) -> ApiResult<usize> {
    let most = call.conductor().settings().max_limit;
    match call.arguments.integer("limit")?.map(usize::try_from) {
        None => Ok(most),
        Some(Ok(limit)) if limit > 0 => Ok(limit.min(most)),
        Some(_) => Err(ApiError::invalid("limit must be positive")),
    }
}

/// What a client wants of a list.
#[derive(Debug)]
pub(super) struct Paging {
    pub(super) limit: usize,
    pub(super) marker: Option<String>,
    sort: Option<&'static Field>,
    order: SortOrder,
}

impl Paging {
    pub(super) fn parse(call: &Call, table: &'static [Field]) -> ApiResult<Self> {
        let arguments = &call.arguments;
        let limit = limit(call)?;
        let order = match arguments.text("sort_dir") {
            None | Some("asc") => SortOrder::Ascending,
            Some("desc") => SortOrder::Descending,
            Some(other) => {
                return Err(ApiError::invalid(format!(
                    "sort_dir must be asc or desc, not {other:?}"
                )));
            }
        };
        let sort_key = arguments.text("sort_key").filter(|key| *key != "id");
        let sort = sort_key.map(|key| sort_field(key, table, call.version));
        Ok(Self {
            limit,
            marker: arguments.text("marker").map(str::to_owned),
            sort: sort.transpose()?,
            order,
        })
    }

    /// A query in this order, from this marker.
    pub(super) fn query(&self, table: Table) -> Query {
        Query {
            sort: self.sort.map(|field| field.name.to_owned()),
            order: self.order,
            marker: self.marker.clone(),
            limit: self.limit,
            ..Query::all(table)
        }
    }

    /// The field to sort by, if the store has none of these in an index.
    pub(super) fn unindexed(&self, indexed: &[&str]) -> Option<&'static Field> {
        self.sort.filter(|field| !indexed.contains(&field.name))
    }

    /// The link to what follows, if the page is full: it may turn out to be empty.
    pub(super) fn next(
        &self,
        call: &Call,
        path: &str,
        last: Option<&str>,
        found: usize,
    ) -> Option<Value> {
        let marker = last.filter(|_| found == self.limit)?;
        Some(next(call, path, self.limit, marker))
    }
}

/// The link to what follows the marker in the same list.
pub(super) fn next(call: &Call, path: &str, limit: usize, marker: &str) -> Value {
    let mut query = Serializer::new(String::new());
    for (key, value) in call.arguments.iter() {
        if key != "limit" && key != "marker" {
            query.append_pair(key, value);
        }
    }
    query.append_pair("limit", &limit.to_string());
    query.append_pair("marker", marker);
    Value::from(call.base.url(format!("{path}?{}", query.finish())))
}

/// Objects and lists have no order.
fn sort_field(
    key: &str,
    table: &'static [Field],
    version: ApiVersion,
) -> ApiResult<&'static Field> {
    let field = find(table, key);
    if let Some(field) = field {
        need(version, field.since, &format!("sorting by {key}"))?;
    }
    let ordered = |field: &&Field| {
        !matches!(
            field.shape,
            Shape::Object | Shape::List | Shape::OptionalList | Shape::Other
        )
    };
    field
        .filter(ordered)
        .ok_or_else(|| ApiError::invalid(format!("{key} is not a field to sort by")))
}
