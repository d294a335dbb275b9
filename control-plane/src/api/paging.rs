//! Lists: how many, from where, in which order, and the link to the next page.

use super::arguments::Arguments;
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
const MAX_LIMIT: usize = 1000;

/// What a client wants of a list.
#[derive(Debug)]
pub(super) struct Paging {
    pub(super) limit: usize,
    pub(super) marker: Option<String>,
    sort_key: Option<String>,
    order: SortOrder,
}

impl Paging {
    pub(super) fn parse(
        arguments: &Arguments,
        table: &'static [Field],
        version: ApiVersion,
    ) -> ApiResult<Self> {
        let limit = match arguments.integer("limit")? {
            None => MAX_LIMIT,
            Some(limit) => match usize::try_from(limit) {
                Ok(limit) if limit > 0 => limit.min(MAX_LIMIT),
                Ok(_) | Err(_) => return Err(ApiError::invalid("limit must be positive")),
            },
        };
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
        if let Some(key) = sort_key {
            check_sort_key(key, table, version)?;
        }
        Ok(Self {
            limit,
            marker: arguments.text("marker").map(str::to_owned),
            sort_key: sort_key.map(str::to_owned),
            order,
        })
    }

    /// A query in this order, from this marker.
    pub(super) fn query(&self, table: Table) -> Query {
        Query {
            table,
            filters: Vec::new(),
            sort: self.sort_key.clone(),
            order: self.order,
            marker: self.marker.clone(),
            limit: self.limit,
        }
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
        let mut query = Serializer::new(String::new());
        for (key, value) in call.arguments.iter() {
            if key != "limit" && key != "marker" {
                query.append_pair(key, value);
            }
        }
        query.append_pair("limit", &self.limit.to_string());
        query.append_pair("marker", marker);
        Some(Value::from(
            call.base.url(format!("{path}?{}", query.finish())),
        ))
    }
}

/// Objects and lists have no order.
fn check_sort_key(key: &str, table: &'static [Field], version: ApiVersion) -> ApiResult<()> {
    let field = find(table, key);
    if let Some(field) = field {
        need(version, field.since, &format!("sorting by {key}"))?;
    }
    let ordered = |field: &&Field| !matches!(field.shape, Shape::Object | Shape::Other);
    match field.filter(ordered) {
        Some(_) => Ok(()),
        None => Err(ApiError::invalid(format!(
            "{key} is not a field to sort by"
        ))),
    }
}
