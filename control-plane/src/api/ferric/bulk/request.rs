//! What a client asks for, of which nothing is checked yet but its form.

use crate::api::arguments::missing;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes::refuse_rest;
use ferric_model::bulk::BulkAction;
use ferric_model::ids::BulkRequestId;
use ferric_model::node::Object;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::time::Duration;

const MAX_NODES: usize = 1000;
const DEFAULT_WAIT_S: u64 = 30;
const MAX_WAIT_S: u64 = 600;

pub(super) struct Request {
    /// The client's.
    pub(super) id: Option<BulkRequestId>,
    pub(super) action: BulkAction,
    /// As given; the defaults go under each only when it is its turn.
    pub(super) items: Vec<Object>,
    pub(super) defaults: Object,
    /// How long the client waits for what is queued.
    pub(super) wait: Duration,
    /// Of what is to be done.
    pub(super) digest: String,
}

impl Request {
    pub(super) fn parse(mut body: Object) -> ApiResult<Self> {
        let id = match body.shift_remove("id") {
            None | Some(Value::Null) => None,
            Some(id) => Some(parse_id(&id)?),
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
        let digest = digest(&body);
        let action = match body.shift_remove("action") {
            Some(Value::String(action)) => parse_action(&action)?,
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
        refuse_rest(&body)?;
        let items = nodes.into_iter().enumerate();
        let items = items.map(|(index, item)| parse_item(action, index, item));
        Ok(Self {
            id,
            action,
            items: items.collect::<ApiResult<_>>()?,
            defaults,
            wait: Duration::from_secs(wait),
            digest,
        })
    }
}

fn parse_id(id: &Value) -> ApiResult<BulkRequestId> {
    let parsed = id.as_str().and_then(|id| id.parse().ok());
    parsed.ok_or_else(|| ApiError::invalid("id must be a UUID"))
}

fn parse_action(name: &str) -> ApiResult<BulkAction> {
    name.parse().map_err(|_| {
        ApiError::invalid(format!(
            "action must be enrol, provision or delete, not {name:?}"
        ))
    })
}

/// A node's name or UUID alone stands for an object that names it.
fn parse_item(action: BulkAction, index: usize, item: Value) -> ApiResult<Object> {
    Ok(match item {
        Value::Object(given) => given,
        Value::String(ident) if action != BulkAction::Enrol => {
            Object::from_iter([("node".to_owned(), Value::String(ident))])
        }
        _ => {
            let expected = match action {
                BulkAction::Enrol => "an object",
                BulkAction::Provision | BulkAction::Delete => "a node's name or UUID, or an object",
            };
            return Err(ApiError::invalid(format!(
                "nodes[{index}] must be {expected}"
            )));
        }
    })
}

/// Takes what is written into the digest, so that a large body is not written out for it.
struct Digesting(Sha256);

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn digest(body: &Object) -> String {
    let mut digesting = Digesting(Sha256::new());
    serde_json::to_writer(&mut digesting, body).expect("an object is written, and writing works");
    let digest = digesting.0.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
