//! Each item as a single request would be taken: found, allowed and checked now, or refused now.

use super::request::Request;
use crate::api::access::{Target, rules};
use crate::api::arguments::missing;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes::{self, refuse_rest};
use crate::api::ports;
use ferric_model::bulk::{
    BulkAction, BulkItem, BulkRefusal, BulkRequest, BulkState, BulkWork, Hidden, Mandate,
};
use ferric_model::ids::NodeId;
use ferric_model::node::Object;
use serde_json::Value;

/// What the items of one request may take in the store together.
const MAX_STORED_BYTES: usize = 32 << 20;
const DRIVE: &str = "configdrive";

/// What a single request would do.
struct Taken {
    node: NodeId,
    work: BulkWork,
    mandate: Mandate,
}

/// All of them. What most of them have in common is put into the request.
pub(super) async fn items(
    call: &Call,
    asked: &Request,
    request: &mut BulkRequest,
) -> ApiResult<Vec<BulkItem>> {
    let mut items = Vec::with_capacity(asked.items.len());
    let mut stored_bytes = 0;
    for (number, given) in (0..).zip(&asked.items) {
        let mut whole = asked.defaults.clone();
        whole.extend(given.clone());
        let named = name(asked.action, &whole);
        let mut taken = take(call, asked.action, whole).await;
        if let Ok(taken) = &mut taken {
            share_drive(taken, given, request);
        }
        let item = item(call, (number, named), request, taken)?;
        stored_bytes += serde_json::to_vec(&item).map_or(0, |bytes| bytes.len());
        if stored_bytes > MAX_STORED_BYTES {
            return Err(ApiError::invalid(format!(
                "with their defaults the nodes are more than {} MiB: send them in several requests",
                MAX_STORED_BYTES >> 20
            )));
        }
        items.push(item);
    }
    Ok(items)
}

/// What the node is called in the request.
fn name(action: BulkAction, whole: &Object) -> Value {
    let key = match action {
        BulkAction::Enrol => "name",
        BulkAction::Provision | BulkAction::Delete => "node",
    };
    whole.get(key).cloned().unwrap_or_default()
}

/// Refused or queued. What has nothing to do with the item fails the request as a whole.
fn item(
    call: &Call,
    (number, named): (u32, Value),
    request: &BulkRequest,
    taken: ApiResult<Taken>,
) -> ApiResult<BulkItem> {
    let new = BulkItem {
        request: request.id,
        number,
        named,
        node: None,
        state: BulkState::Queued,
        refusal: None,
        work: None,
        mandate: Mandate::Anything,
        run: None,
        updated_at: call.conductor().now(),
    };
    match taken {
        Ok(taken) => Ok(BulkItem {
            node: Some(taken.node),
            work: Some(taken.work),
            mandate: taken.mandate,
            ..new
        }),
        Err(error @ (ApiError::Busy { .. } | ApiError::Internal { .. })) => Err(error),
        Err(error) => {
            let (status, reason) = error.told();
            let (status, at) = (Some(status.as_u16()), new.updated_at);
            Ok(new.with_refusal(BulkRefusal { status, reason }, at))
        }
    }
}

async fn take(call: &Call, action: BulkAction, mut whole: Object) -> ApiResult<Taken> {
    if action == BulkAction::Enrol {
        return enrol(call, whole).await;
    }
    let ident = match whole.shift_remove("node") {
        Some(Value::String(ident)) => ident,
        Some(other) => {
            return Err(ApiError::invalid(format!(
                "node must be a name or a UUID, not {other}"
            )));
        }
        None => return Err(missing("node")),
    };
    match action {
        BulkAction::Delete => delete(call, &ident, &whole).await,
        BulkAction::Enrol | BulkAction::Provision => provision(call, &ident, whole).await,
    }
}

async fn delete(call: &Call, ident: &str, rest: &Object) -> ApiResult<Taken> {
    refuse_rest(rest)?;
    let node = nodes::find::node(call, ident).await?.node;
    let (rule, own) = (&rules::NODE_DELETE, &rules::NODE_DELETE_SELF_OWNED);
    let target = Target::of_node(&node);
    call.access.check_or_own(rule, own, target)?;
    let mandate = call.access.mandate(|target| {
        let sees = call.access.allows(&rules::NODE_GET, target);
        sees && call.access.allows_or_own(rule, own, target)
    });
    Ok(Taken {
        node: node.uuid,
        work: BulkWork::Delete,
        mandate,
    })
}

async fn provision(call: &Call, ident: &str, body: Object) -> ApiResult<Taken> {
    let asked = nodes::asked(call, ident, body).await?;
    let mandate = call.access.mandate(|target| {
        let mut rules = asked.rules.iter().chain([&rules::NODE_GET]);
        rules.all(|rule| call.access.allows(rule, target))
            && asked.check_steps(call, target).is_ok()
    });
    let verb = asked.request.verb;
    let request = serde_json::to_value(asked.request).map_err(|source| ApiError::Internal {
        doing: "writing an item of a bulk request".into(),
        source: source.into(),
    })?;
    Ok(Taken {
        node: asked.node,
        work: BulkWork::Provision {
            verb,
            request: Hidden(request),
            common_configdrive: false,
        },
        mandate,
    })
}

/// One that comes from the defaults is stored once, however many nodes get it.
fn share_drive(taken: &mut Taken, given: &Object, request: &mut BulkRequest) {
    let BulkWork::Provision {
        request: Hidden(body),
        common_configdrive,
        ..
    } = &mut taken.work
    else {
        return;
    };
    let is_own = given.contains_key(DRIVE);
    if let Some(drive) = body.get_mut(DRIVE)
        && !is_own
        && !drive.is_null()
    {
        request.configdrive = Some(Hidden(drive.take()));
        *common_configdrive = true;
    }
}

/// With the ports under `ports`. A node whose port is refused is not kept.
async fn enrol(call: &Call, mut body: Object) -> ApiResult<Taken> {
    let ports = match body.shift_remove("ports") {
        Some(Value::Array(ports)) => ports,
        Some(Value::Null) | None => Vec::new(),
        Some(_) => return Err(ApiError::invalid("ports must be a list")),
    };
    let node = nodes::described(call, body).await?;
    let mut made = Vec::with_capacity(ports.len());
    for given in ports {
        made.push(ports::of_new_node(call, port(given)?, &node).await?);
    }
    Ok(Taken {
        node: node.uuid,
        work: BulkWork::Enrol {
            node: Box::new(node),
            ports: made,
        },
        mandate: Mandate::Anything,
    })
}

/// A MAC address alone stands for a port that has it.
fn port(given: Value) -> ApiResult<Object> {
    match given {
        Value::Object(port) => Ok(port),
        Value::String(address) => Ok(Object::from_iter([(
            "address".to_owned(),
            Value::String(address),
        )])),
        _ => Err(ApiError::invalid(
            "each of ports must be a MAC address or an object",
        )),
    }
}
