//! `POST /ferric/v1/nodes/bulk`: one action on up to a thousand nodes, with a result for each, as if each had been asked
//! for by itself.
//!
//! Some are worked on at the same time, the others wait. What the conductor has no room for is tried again until the
//! request's time is over. Nothing is undone when others fail.

use super::newest;
use crate::api::arguments::missing;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes::{self, refuse_rest};
use crate::api::ports;
use axum::Json;
use ferric_model::node::Object;
use futures_util::stream::{self, StreamExt};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const MAX_NODES: usize = 1000;
/// Nodes of one request that are worked on at the same time.
const AT_A_TIME: usize = 16;
const DEFAULT_WAIT_S: u64 = 30;
const MAX_WAIT_S: u64 = 600;
/// Between two attempts at what there was no room for.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Enrol,
    Provision,
    Delete,
}

struct Request {
    action: Action,
    /// Each with the defaults under it.
    items: Vec<Object>,
    wait: Duration,
}

/// What became of a node.
struct Outcome {
    node: Value,
    status: StatusCode,
    /// As the body of a refusal is.
    error: Option<Value>,
}

pub(super) async fn bulk(call: Call, JsonObject(body): JsonObject) -> ApiResult<Json<Value>> {
    let call = Arc::new(newest(call));
    call.no_arguments()?;
    let request = Request::parse(body)?;
    let (action, deadline) = (request.action, Instant::now() + request.wait);
    let items = request.items.into_iter().enumerate().map(|(index, item)| {
        let call = Arc::clone(&call);
        async move { (index, one(&call, action, item, deadline).await) }
    });
    let items: Vec<_> = items.collect();
    let outcomes = stream::iter(items).buffer_unordered(AT_A_TIME);
    let mut outcomes: Vec<(usize, Outcome)> = outcomes.collect().await;
    outcomes.sort_by_key(|(index, _)| *index);
    let failed = outcomes
        .iter()
        .filter(|(_, outcome)| outcome.error.is_some());
    let (failed, all) = (failed.count(), outcomes.len());
    let results = outcomes.into_iter().map(|(_, outcome)| outcome.show());
    let results: Vec<Value> = results.collect();
    Ok(Json(
        json!({"results": results, "done": all - failed, "failed": failed}),
    ))
}

impl Request {
    fn parse(mut body: Object) -> ApiResult<Self> {
        let action = match body.shift_remove("action") {
            Some(Value::String(action)) => Action::parse(&action)?,
            Some(other) => {
                return Err(ApiError::invalid(format!(
                    "action must be a text, not {other}"
                )));
            }
            None => return Err(missing("action")),
        };
        let nodes = match body.shift_remove("nodes") {
            Some(Value::Array(nodes)) if (1..=MAX_NODES).contains(&nodes.len()) => nodes,
            Some(Value::Array(nodes)) => {
                return Err(ApiError::invalid(format!(
                    "nodes must have 1 to {MAX_NODES} items, not {}",
                    nodes.len()
                )));
            }
            Some(_) => return Err(ApiError::invalid("nodes must be a list")),
            None => return Err(missing("nodes")),
        };
        let defaults = match body.shift_remove("defaults") {
            Some(Value::Object(defaults)) => defaults,
            Some(Value::Null) | None => Object::new(),
            Some(_) => return Err(ApiError::invalid("defaults must be an object")),
        };
        let wait = match body.shift_remove("wait_s") {
            Some(Value::Null) | None => DEFAULT_WAIT_S,
            Some(wait) => wait
                .as_u64()
                .filter(|wait| *wait <= MAX_WAIT_S)
                .ok_or_else(|| {
                    ApiError::invalid(format!(
                        "wait_s must be a whole number from 0 to {MAX_WAIT_S}"
                    ))
                })?,
        };
        refuse_rest(&body)?;
        let items = nodes.into_iter().enumerate();
        let items = items.map(|(index, item)| action.item(index, item, &defaults));
        Ok(Self {
            action,
            items: items.collect::<ApiResult<_>>()?,
            wait: Duration::from_secs(wait),
        })
    }
}

impl Action {
    fn parse(name: &str) -> ApiResult<Self> {
        match name {
            "enrol" => Ok(Self::Enrol),
            "provision" => Ok(Self::Provision),
            "delete" => Ok(Self::Delete),
            _ => Err(ApiError::invalid(format!(
                "action must be enrol, provision or delete, not {name:?}"
            ))),
        }
    }

    /// A node's name or UUID alone stands for an object that names it.
    fn item(self, index: usize, item: Value, defaults: &Object) -> ApiResult<Object> {
        let given = match item {
            Value::Object(given) => given,
            Value::String(ident) if self != Self::Enrol => {
                Object::from_iter([("node".to_owned(), Value::String(ident))])
            }
            _ => {
                let expected = match self {
                    Self::Enrol => "an object",
                    Self::Provision | Self::Delete => "a node's name or UUID, or an object",
                };
                return Err(ApiError::invalid(format!(
                    "nodes[{index}] must be {expected}"
                )));
            }
        };
        let mut item = defaults.clone();
        item.extend(given);
        Ok(item)
    }

    fn done(self) -> StatusCode {
        match self {
            Self::Enrol => StatusCode::CREATED,
            Self::Provision => StatusCode::ACCEPTED,
            Self::Delete => StatusCode::NO_CONTENT,
        }
    }
}

/// Done, or refused for good, or refused for want of room when the time is over.
async fn one(call: &Call, action: Action, item: Object, deadline: Instant) -> Outcome {
    let name = if action == Action::Enrol {
        "name"
    } else {
        "node"
    };
    let named = item.get(name).cloned().unwrap_or_default();
    loop {
        match attempt(call, action, item.clone()).await {
            Ok(node) => {
                return Outcome {
                    node: Value::from(node),
                    status: action.done(),
                    error: None,
                };
            }
            Err(ApiError::Busy { .. }) if Instant::now() + PAUSE < deadline => sleep(PAUSE).await,
            Err(error) => {
                let (status, body) = error.logged();
                return Outcome {
                    node: named,
                    status,
                    error: Some(body),
                };
            }
        }
    }
}

/// The UUID of an enrolled node; of the others what they were named by.
async fn attempt(call: &Call, action: Action, mut item: Object) -> ApiResult<String> {
    if action == Action::Enrol {
        return enrol(call, item).await;
    }
    let ident = match item.shift_remove("node") {
        Some(Value::String(ident)) => ident,
        Some(other) => {
            return Err(ApiError::invalid(format!(
                "node must be a name or a UUID, not {other}"
            )));
        }
        None => return Err(missing("node")),
    };
    match action {
        Action::Delete => {
            refuse_rest(&item)?;
            nodes::forget(call, &ident).await?;
        }
        Action::Enrol | Action::Provision => nodes::ask(call, &ident, item).await?,
    }
    Ok(ident)
}

/// With the ports under `ports`. A node whose port is refused is not kept.
async fn enrol(call: &Call, mut item: Object) -> ApiResult<String> {
    let ports = match item.shift_remove("ports") {
        Some(Value::Array(ports)) => ports,
        Some(Value::Null) | None => Vec::new(),
        Some(_) => return Err(ApiError::invalid("ports must be a list")),
    };
    let ports: Vec<Object> = ports.into_iter().map(port).collect::<ApiResult<_>>()?;
    let node = nodes::enrol(call, item).await?.uuid;
    for mut port in ports {
        port.insert("node_uuid".to_owned(), Value::from(node.to_string()));
        if let Err(error) = ports::add(call, port).await {
            call.conductor().destroy_node(node).await?;
            return Err(error);
        }
    }
    Ok(node.to_string())
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

impl Outcome {
    fn show(self) -> Value {
        let mut shown = json!({"node": self.node, "status": self.status.as_u16()});
        if let Some(error) = self.error {
            shown["error_message"] = error["error_message"].clone();
        }
        shown
    }
}
