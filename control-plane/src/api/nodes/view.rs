//! A node as a client sees it: the fields of its version, secrets masked, old names for old clients.

use super::derived;
use super::table::NODE;
use crate::api::access::{Access, Target, rules};
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::{Field, find};
use crate::api::links::Base;
use crate::api::masking::{masked, masked_instance_info};
use crate::api::selection::Selection;
use crate::api::shape::Shape;
use crate::api::version::ApiVersion;
use crate::conductor::Conductor;
use ferric_model::node::{Node, Object};
use ferric_model::state::ProvisionState;
use serde_json::Value;

/// Before this version there was no name for `available`: it was null.
const AVAILABLE_SINCE: u16 = 2;
/// Before this version `inspect wait` was shown as `inspecting`.
const INSPECT_WAIT_SINCE: u16 = 39;

/// How a request wants its nodes.
pub(in crate::api) struct View<'a> {
    pub(in crate::api) version: ApiVersion,
    pub(in crate::api) base: &'a Base,
    pub(in crate::api) conductor: &'a Conductor,
    pub(in crate::api) access: &'a Access,
    pub(in crate::api) selection: Selection,
}

impl View<'_> {
    pub(in crate::api) async fn show(&self, node: &Node) -> ApiResult<Value> {
        let mut shown = Object::new();
        let mut stored = document(node)?;
        for field in NODE
            .iter()
            .filter(|field| self.selection.shows(field, self.version))
        {
            let value = match field.name {
                "conductor" => self
                    .conductor
                    .conductor_of(node)
                    .await?
                    .map_or(Value::Null, Value::from),
                _ if self.hides(node, field) => hidden(field),
                _ => self.value(node, &mut stored, field),
            };
            shown.insert(field.name.to_owned(), value);
        }
        Ok(Value::Object(shown))
    }

    /// What whoever leases a node need not know of it.
    fn hides(&self, node: &Node, field: &Field) -> bool {
        let rule = match field.name {
            "last_error" => rules::NODE_GET_LAST_ERROR,
            "reservation" => rules::NODE_GET_RESERVATION,
            "driver_internal_info" => rules::NODE_GET_DRIVER_INTERNAL_INFO,
            "driver_info" => rules::NODE_GET_DRIVER_INFO,
            _ => return false,
        };
        let (threshold, target) = (rules::NODE_GET_FILTER_THRESHOLD, Target::of_node(node));
        !self.access.allows(&threshold, target) && !self.access.allows(&rule, target)
    }

    fn value(&self, node: &Node, stored: &mut Object, field: &Field) -> Value {
        let linked = |rest: &str| self.base.pair(format!("nodes/{}{rest}", node.uuid));
        match field.name {
            "links" => linked(""),
            "ports" | "states" | "portgroups" | "volume" => linked(&format!("/{}", field.name)),
            "clean_step" => derived::current_step(node, "clean"),
            "deploy_step" => derived::current_step(node, "deploy"),
            "service_step" => derived::current_step(node, "service"),
            "driver_internal_info" => Value::Object(derived::driver_internal_info(node)),
            "driver_info" => Value::Object(masked(&node.driver_info)),
            "instance_info" => Value::Object(masked_instance_info(&node.instance_info)),
            "provision_state" => state_name(node.provision_state, self.version),
            "reservation" => derived::reservation(node),
            name => derived::interface(node, name)
                .unwrap_or_else(|| field.shape.show(stored.remove(name).unwrap_or_default())),
        }
    }
}

/// In place of a field that the caller may not read, in that field's form.
fn hidden(field: &Field) -> Value {
    let text = format!("** hidden: needs baremetal:node:get:{} **", field.name);
    match field.shape {
        Shape::Object => serde_json::json!({"content": text}),
        _ => Value::from(text),
    }
}

/// The states sub-resource: some fields of the node, as its version shows them.
pub(super) fn states(node: &Node, version: ApiVersion) -> ApiResult<Value> {
    const STATES: &[&str] = &[
        "console_enabled",
        "last_error",
        "power_state",
        "provision_state",
        "target_power_state",
        "target_provision_state",
        "provision_updated_at",
        "raid_config",
        "target_raid_config",
        "boot_mode",
        "secure_boot",
    ];
    let mut stored = document(node)?;
    let fields = STATES.iter().filter_map(|name| find(NODE, name));
    let shown = fields
        .filter(|field| field.exists_in(version))
        .map(|field| {
            let value = stored.remove(field.name).unwrap_or_default();
            (field.name.to_owned(), field.shape.show(value))
        });
    let mut shown: Object = shown.collect();
    shown.insert(
        "provision_state".to_owned(),
        state_name(node.provision_state, version),
    );
    Ok(Value::Object(shown))
}

fn state_name(state: ProvisionState, version: ApiVersion) -> Value {
    match state {
        ProvisionState::Available if version.0 < AVAILABLE_SINCE => Value::Null,
        ProvisionState::InspectWait if version.0 < INSPECT_WAIT_SINCE => {
            Value::from(ProvisionState::Inspecting.name())
        }
        state => Value::from(state.name()),
    }
}

/// The node by the names of the model, most of which are those of the wire.
pub(super) fn document(node: &Node) -> ApiResult<Object> {
    match serde_json::to_value(node) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Ok(Object::new()),
        Err(source) => Err(ApiError::Internal {
            doing: "showing a node".into(),
            source: Box::new(source),
        }),
    }
}
