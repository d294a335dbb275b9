//! From what stands in a path to the stored node.

use crate::api::access::Target;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::gates::NODE_NAMES;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_store::{FieldValue, Key, Query, Record, Table, value_of};
use http::StatusCode;

/// What decides whether a caller may see a node at all.
const PROJECTS: &[&str] = &["owner", "lessee"];

/// A node with the record that it was read from, for a write that expects it unchanged.
pub(in crate::api) struct Found {
    pub(in crate::api) record: Record,
    pub(in crate::api) node: Node,
}

/// By UUID or name, as it stands in a path; 404 when there is none.
pub(in crate::api) async fn node(call: &Call, ident: &str) -> ApiResult<Found> {
    let record = record(call, ident).await?;
    let node = record.decode()?;
    Ok(Found { record, node })
}

/// Its id alone.
pub(in crate::api) async fn id(call: &Call, ident: &str) -> ApiResult<NodeId> {
    let Ok(id) = ident.parse::<NodeId>() else {
        return Ok(node(call, ident).await?.node.uuid);
    };
    let key = Key::new(Table::Node, id);
    let outline = call.conductor().store().outline(&key, PROJECTS).await?;
    match outline.filter(|outline| is_seen(call, &outline.fields)) {
        Some(_) => Ok(id),
        None => Err(absent(ident)),
    }
}

/// The same as `node` without a look into its document.
pub(super) async fn record(call: &Call, ident: &str) -> ApiResult<Record> {
    if ident.parse::<NodeId>().is_err() && !is_name(ident) {
        let text = format!("{ident:?} is neither a UUID nor a name");
        return Err(ApiError::routing(StatusCode::BAD_REQUEST, text));
    }
    let mut found = lookup_record(call, ident).await?;
    if let (None, Some(stripped)) = (&found, call.without_suffix(ident)) {
        found = lookup_record(call, stripped).await?;
    }
    found.ok_or_else(|| absent(ident))
}

fn absent(ident: &str) -> ApiError {
    ApiError::not_found(format!("node {ident} could not be found"))
}

fn is_seen(call: &Call, fields: &[(&'static str, FieldValue)]) -> bool {
    let project = |field| value_of(fields, field).as_text();
    let target = Target::of_projects(project("owner"), project("lessee"));
    call.access.sees(target)
}

/// By UUID or name, as it stands in a body or a query. What the caller may not see is not there.
pub(in crate::api) async fn lookup(call: &Call, ident: &str) -> ApiResult<Option<Found>> {
    let Some(record) = lookup_record(call, ident).await? else {
        return Ok(None);
    };
    let node = record.decode()?;
    Ok(Some(Found { record, node }))
}

async fn lookup_record(call: &Call, ident: &str) -> ApiResult<Option<Record>> {
    let store = call.conductor().store();
    let record = if let Ok(id) = ident.parse::<NodeId>() {
        store.get_with(&Key::new(Table::Node, id), PROJECTS).await?
    } else if call.version.0 >= NODE_NAMES {
        let mut query =
            Query::all(Table::Node).filter("name", vec![FieldValue::Text(ident.to_owned())]);
        query.limit = 1;
        store.page(&query).await?.records.pop()
    } else {
        None
    };
    Ok(record.filter(|record| is_seen(call, &record.fields)))
}

/// Letters, digits and `-._~`, at most 255 of them.
pub(in crate::api) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(allowed)
}

/// What a name had to be before 1.10: labels of letters, digits and inner hyphens, between dots.
pub(super) fn is_host_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 255 && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "node-1.rack~2", "metal3~worker_0", "A"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a b", "a/b", "ä", &"x".repeat(256)] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(is_host_name("node-1.rack2"));
        for bad in ["-a", "a-", "a..b", "a_b", "a~b", ""] {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
