//! Lists for a project: of nodes that it owns or has leased, and of what belongs to these.

use super::Access;
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::nodes;
use ferric_store::{FieldValue, Query, Record, Table};

/// The query for objects with a `node_uuid`, of nodes only that the caller may list.
pub(in crate::api) async fn of_visible_nodes(call: &Call, query: Query) -> ApiResult<Query> {
    let Some(project) = call.access.project_of_list() else {
        return Ok(query);
    };
    let project = FieldValue::Text(project.to_owned());
    let own = Query::all(Table::Node).filter_any(&["owner", "lessee"], vec![project]);
    let own = own.want(Vec::new());
    let nodes = call.conductor().store().outlines(&own).await?.into_iter();
    let nodes = nodes.map(|node| FieldValue::Text(node.key.id));
    Ok(query.filter("node_uuid", nodes.collect()))
}

/// Whether a list for the caller can have it: something with a `node_uuid`, which the request names beside the path. Of
/// what it cannot have the caller gets to know nothing.
pub(in crate::api) async fn can_be_listed(call: &Call, record: &Record) -> ApiResult<bool> {
    if call.access.0.narrowed.is_none() {
        return Ok(true);
    }
    let mut fields = record.fields.iter();
    match fields.find(|(name, _)| *name == "node_uuid") {
        Some((_, FieldValue::Text(node))) => Ok(nodes::find::lookup(call, node).await?.is_some()),
        Some(_) | None => Ok(false),
    }
}

impl Access {
    /// 403 for a list of another project's, where the caller's own is all that may be listed.
    pub(in crate::api) fn check_listed_project(&self, asked: Option<&str>) -> ApiResult<()> {
        match (self.project_of_list(), asked) {
            (Some(own), Some(asked)) if own != asked => {
                Err(crate::api::error::ApiError::forbidden(format!(
                    "access is denied: the token is for project {own}, and lists what belongs to that"
                )))
            }
            _ => Ok(()),
        }
    }
}
