//! Which events a client asks for: of a node, of some kinds, behind one that it knows.

use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::NodeId;
use ferric_store::EventFilter;
use http::HeaderMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Wanted {
    /// `None`: of all nodes.
    pub(super) node: Option<NodeId>,
    /// Empty: all kinds.
    kinds: Vec<String>,
}

impl Wanted {
    /// With the kinds of `?kind=step_failed,bmc_error`.
    pub(super) fn read(call: &Call, node: Option<NodeId>) -> ApiResult<Self> {
        let kinds = call.arguments.list("kind").unwrap_or_default();
        let is_unknown = |kind: &&String| !What::KINDS.contains(&kind.as_str());
        if let Some(unknown) = kinds.iter().find(is_unknown) {
            let known = What::KINDS.join(", ");
            return Err(ApiError::invalid(format!(
                "{unknown:?} is not a kind of event; there are {known}"
            )));
        }
        Ok(Self { node, kinds })
    }

    pub(super) fn fits(&self, event: &TimelineEvent) -> bool {
        let kind = event.what.kind();
        self.node.is_none_or(|node| node == event.node)
            && (self.kinds.is_empty() || self.kinds.iter().any(|known| known == kind))
    }

    /// What the store is asked for; it knows no kinds.
    pub(super) fn filter(&self, after: u64, limit: usize) -> EventFilter {
        EventFilter {
            node: self.node,
            after,
            limit,
        }
    }
}

/// The event behind which to go on: where a stream was cut, or what is asked for.
pub(super) fn known(call: &Call, headers: &HeaderMap) -> ApiResult<Option<u64>> {
    let after = call.arguments.integer("after")?.map(u64::try_from);
    let after = after
        .transpose()
        .map_err(|_| ApiError::invalid("after must not be negative"))?;
    let Some(resumed) = headers.get("last-event-id") else {
        return Ok(after);
    };
    let number = resumed
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    number.map(Some).ok_or_else(|| {
        ApiError::invalid("Last-Event-ID must be the number of an event, as the stream gave it")
    })
}
