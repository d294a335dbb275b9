//! Lists for a project: of nodes that it owns or has leased, and of what belongs to these.

use super::Access;
use crate::api::call::Call;
use crate::api::error::ApiResult;
use ferric_store::{FieldValue, Query, Table};
use std::collections::BTreeSet;

/// The query for objects with a `node_uuid`, of nodes only that the caller may list.
pub(in crate::api) async fn of_visible_nodes(call: &Call, query: Query) -> ApiResult<Query> {
    let Some(project) = call.access.project_of_list() else {
        return Ok(query);
    };
    let store = call.conductor().store();
    let mut nodes = BTreeSet::new();
    for field in ["owner", "lessee"] {
        let project = FieldValue::Text(project.to_owned());
        let own = Query::all(Table::Node).filter(field, vec![project]);
        let own = store.outlines(&own).await?;
        nodes.extend(own.into_iter().map(|node| node.key.id));
    }
    let nodes = nodes.into_iter().map(FieldValue::Text).collect();
    Ok(query.filter("node_uuid", nodes))
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
