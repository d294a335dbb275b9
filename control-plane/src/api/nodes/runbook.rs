//! `runbook` in `states/provision`: steps by name instead of a list, for nodes that its traits allow it for.

use crate::api::access::{Target, rules};
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::need;
use crate::api::gates::{RUNBOOK, RUNBOOK_TRAITS};
use crate::api::recipes;
use crate::conductor::requests::{ProvisionRequest, Ramdisk};
use ferric_model::node::Node;
use ferric_model::recipe::Runbook;
use ferric_model::verb::Verb;
use serde_json::Value;

/// The runbook that the request names, if the node may be put through it.
pub(super) async fn named(
    call: &Call,
    ident: Option<&Value>,
    verb: Verb,
    node: &Node,
) -> ApiResult<Option<Runbook>> {
    let Some(ident) = ident else {
        return Ok(None);
    };
    need(call.version, RUNBOOK, "the argument runbook")?;
    if !matches!(verb, Verb::Clean | Verb::Service) {
        return Err(ApiError::invalid(
            "runbook goes with the targets clean and service only",
        ));
    }
    let ident = ident.as_str().ok_or_else(|| {
        ApiError::invalid(format!("runbook must be a UUID or a name, not {ident}"))
    })?;
    let runbook = recipes::runbook(call, ident).await?;
    let owner = Target::of_runbook(runbook.owner.as_deref());
    call.access.check(&rules::RUNBOOK_USE, owner)?;
    let (allowed, remedy) = if call.version.0 < RUNBOOK_TRAITS {
        let remedy = format!("a trait of its name, {}", runbook.name);
        (runbook.is_named_by(&node.traits), remedy)
    } else {
        let remedy = match runbook.traits.as_slice() {
            [] => "one of its traits, of which it has none yet".to_owned(),
            traits => format!("one of its traits: {}", traits.join(", ")),
        };
        (runbook.shares_trait(&node.traits), remedy)
    };
    if !allowed {
        return Err(ApiError::invalid(format!(
            "the runbook {} has not been approved for node {}: the node needs {remedy}",
            runbook.name, node.uuid
        )));
    }
    Ok(Some(runbook))
}

/// The request with the runbook's steps. Either of the two may leave the ramdisk out.
pub(super) fn applied(request: ProvisionRequest, runbook: &Runbook) -> ApiResult<ProvisionRequest> {
    if !request.steps.is_empty() {
        return Err(ApiError::invalid(
            "runbook and a list of steps do not go together: leave one of them out",
        ));
    }
    let asked = request.ramdisk;
    let mut request = request.with_runbook(runbook);
    if asked == Ramdisk::Disable {
        request.ramdisk = Ramdisk::Disable;
    }
    Ok(request)
}
