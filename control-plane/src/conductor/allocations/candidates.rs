//! Which nodes would do for an allocation: from the store's index, and from the nodes themselves where traits are asked
//! for, of which it has none.

use crate::conductor::Conductor;
use crate::conductor::steps::chain;
use crate::conductor::walk::Walk;
use ferric_model::allocation::Allocation;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState;
use ferric_store::{FieldValue, Key, Outline, Query, StoreError, Table};
use tracing::error;

/// A node that may do.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) node: NodeId,
    /// The conductor that it belonged to when it was looked for.
    pub(super) owner: Option<String>,
}

impl Conductor {
    /// In the order in which they are to be tried: the one of the allocation's name first, the others by chance, so that
    /// two who look at the same time do not get into each other's way. The error in the answer is Ironic's sentence.
    pub(super) async fn candidates(
        &self,
        allocation: &Allocation,
    ) -> Result<Result<Vec<Candidate>, String>, StoreError> {
        let (mut found, mut namesake) = (Vec::new(), None);
        let mut walk = Walk::new(query(allocation));
        while let Some(outlines) = walk.next_outlines(self.store().as_ref()).await? {
            for outline in outlines.iter().filter(|outline| fits(allocation, outline)) {
                let Ok(node) = outline.key.id.parse() else {
                    continue;
                };
                let owner = text(outline, "owned_by").map(str::to_owned);
                let candidate = Candidate { node, owner };
                if allocation.name.is_some() && text(outline, "name") == allocation.name.as_deref()
                {
                    namesake = Some(candidate);
                } else {
                    found.push(candidate);
                }
            }
        }
        found.sort_by_cached_key(|_| self.new_id());
        let mut found: Vec<Candidate> = namesake.into_iter().chain(found).collect();
        if found.is_empty() {
            return Ok(Err(none_available(allocation)));
        }
        if !allocation.traits.is_empty() {
            found = self.with_traits(allocation, found).await?;
        }
        if found.is_empty() {
            let traits = allocation.traits.join(", ");
            return Ok(Err(format!(
                "no suitable nodes have the requested traits {traits}"
            )));
        }
        Ok(Ok(found))
    }

    async fn with_traits(
        &self,
        allocation: &Allocation,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<Candidate>, StoreError> {
        let mut found = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let key = Key::new(Table::Node, candidate.node);
            let Some(record) = self.store().get(&key).await? else {
                continue;
            };
            match record.decode::<Node>() {
                Ok(node) if allocation.has_traits(&node) => found.push(candidate),
                Ok(_) => {}
                Err(error) => error!(error = chain(&error), "a candidate is skipped"),
            }
        }
        Ok(found)
    }
}

/// Children are left alone, as in Ironic: nobody deploys to a part of a machine by chance.
fn query(allocation: &Allocation) -> Query {
    let available = ProvisionState::Available.name().to_owned();
    let class = allocation.resource_class.clone();
    let query = Query::all(Table::Node)
        .filter("provision_state", vec![FieldValue::Text(available)])
        .filter("associated", vec![FieldValue::Bool(false)])
        .filter("maintenance", vec![FieldValue::Bool(false)])
        .filter("retired", vec![FieldValue::Bool(false)])
        .filter("parent_node", vec![FieldValue::Null])
        .filter(
            "resource_class",
            vec![class.map_or(FieldValue::Null, FieldValue::Text)],
        );
    if allocation.candidate_nodes.is_empty() {
        return query;
    }
    let candidates = allocation.candidate_nodes.iter();
    let candidates = candidates.map(|id| FieldValue::Text(id.to_string()));
    query.filter("uuid", candidates.collect())
}

/// What cannot be asked of the index.
fn fits(allocation: &Allocation, outline: &Outline) -> bool {
    let owner = allocation.owner.as_deref();
    let is_owned =
        owner.is_none() || text(outline, "owner") == owner || text(outline, "lessee") == owner;
    is_owned && text(outline, "power_state").is_some()
}

fn text<'o>(outline: &'o Outline, name: &str) -> Option<&'o str> {
    let mut fields = outline.fields.iter();
    match fields.find(|(known, _)| *known == name) {
        Some((_, FieldValue::Text(text))) => Some(text),
        _ => None,
    }
}

fn none_available(allocation: &Allocation) -> String {
    let class = allocation.resource_class.as_deref().unwrap_or("None");
    if allocation.candidate_nodes.is_empty() {
        format!("no available nodes match the resource class {class}")
    } else {
        format!("none of the requested nodes are available and match the resource class {class}")
    }
}
