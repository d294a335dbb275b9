//! Lists for a project: of nodes that it owns or has leased, and of what belongs to these.

use super::{Access, Inner, Target, rules};
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::nodes;
use crate::auth::Caller;
use ferric_store::{Check, FieldValue, Query, Record, Table};
use std::collections::BTreeSet;

/// Has servers say ahead which nodes the caller may see, where the rule for that asks some: nobody may wait for them while
/// the store is being read. What has no answer then is not seen.
pub(super) async fn ask_ahead(call: &Call, access: &Access) -> ApiResult<()> {
    let Caller::Known(_) = access.0.caller else {
        return Ok(());
    };
    if !access.0.policy.asks(&rules::NODE_GET) {
        return Ok(());
    }
    let mut nodes = Query::all(Table::Node).want(vec!["owner", "lessee"]);
    if let Some(project) = &access.0.narrowed {
        let project = FieldValue::Text(project.clone());
        nodes = nodes.filter_any(&["owner", "lessee"], vec![project]);
    }
    let nodes = call.conductor().store().outlines(&nodes).await?;
    let projects: BTreeSet<[Option<String>; 2]> = nodes
        .iter()
        .map(|node| {
            ["owner", "lessee"].map(|wanted| {
                let mut fields = node.fields.iter();
                let found = fields.find(|(name, _)| *name == wanted);
                found.and_then(|(_, value)| value.as_text().map(str::to_owned))
            })
        })
        .collect();
    for [owner, lessee] in &projects {
        access.sees(Target::of_projects(owner.as_deref(), lessee.as_deref()));
    }
    Ok(())
}

/// The query for objects with a `node_uuid`, of nodes only that the caller may list.
pub(in crate::api) async fn of_visible_nodes(call: &Call, query: Query) -> ApiResult<Query> {
    let (project, seen) = (call.access.project_of_list(), call.access.seen_nodes());
    if project.is_none() && seen.is_none() {
        return Ok(query);
    }
    let mut own = Query::all(Table::Node);
    if let Some(project) = project {
        let project = FieldValue::Text(project.to_owned());
        own = own.filter_any(&["owner", "lessee"], vec![project]);
    }
    let own = seen.into_iter().fold(own, Query::check).want(Vec::new());
    let nodes = call.conductor().store().outlines(&own).await?.into_iter();
    let nodes = nodes.map(|node| FieldValue::Text(node.key.id));
    Ok(query.filter("node_uuid", nodes.collect()))
}

/// Whether a list for the caller can have it: something with a `node_uuid`, which the request names beside the path. Of
/// what it cannot have the caller gets to know nothing.
pub(in crate::api) async fn can_be_listed(call: &Call, record: &Record) -> ApiResult<bool> {
    if call.access.0.narrowed.is_none() && call.access.seen_nodes().is_none() {
        return Ok(true);
    }
    let mut fields = record.fields.iter();
    match fields.find(|(name, _)| *name == "node_uuid") {
        Some((_, FieldValue::Text(node))) => Ok(nodes::find::lookup(call, node).await?.is_some()),
        Some(_) | None => Ok(false),
    }
}

impl Access {
    /// What leaves out of a list the nodes that the caller may not see. `None`: with Ferric's own rule for seeing a node
    /// a list holds what the rules for lists say, as in Ironic.
    pub(in crate::api) fn seen_nodes(&self) -> Option<Check> {
        let Caller::Known(_) = self.0.caller else {
            return None;
        };
        let access = self.clone();
        let answers = self.0.answers.closed();
        let seen = move |values: &[&FieldValue]| {
            let node = Target::of_projects(values[0].as_text(), values[1].as_text());
            let Inner { caller, policy, .. } = access.0.as_ref();
            rules::NODE_GET.allows(caller, node, policy, &answers)
        };
        let is_changed = self.0.policy.changes(&rules::NODE_GET);
        is_changed.then(|| Check::new(&["owner", "lessee"], seen))
    }

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
