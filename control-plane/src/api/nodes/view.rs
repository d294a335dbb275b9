//! A node as a client sees it: the fields of its version, secrets masked, old names for old clients.

use super::source::Source;
use super::stored::Stored;
use super::table::NODE;
use super::values::{self, NodePath, Shown};
use crate::api::access::{Access, Target, rules};
use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::fields::{Field, find};
use crate::api::gates::{AVAILABLE, INSPECT_WAIT};
use crate::api::json_text::JsonText;
use crate::api::links::{Base, Pairs};
use crate::api::selection::Selection;
use crate::api::shape::Shape;
use crate::api::version::ApiVersion;
use ferric_model::hash_ring::groups::Rings;
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Object};
use ferric_model::state::ProvisionState;
use ferric_store::Record;
use serde::Serializer as _;
use serde_json::Value;
use std::sync::Arc;

/// What a node takes, as a rule.
const LIKELY_BYTES: usize = 6 << 10;

/// How a request wants its nodes.
pub(in crate::api) struct View<'a> {
    version: ApiVersion,
    base: &'a Base,
    access: &'a Access,
    selection: Selection,
    /// Where the conductor is to be shown.
    rings: Option<Arc<Rings>>,
}

impl<'a> View<'a> {
    pub(in crate::api) async fn of(call: &'a Call, selection: Selection) -> ApiResult<Self> {
        Self::at(call, call.version, selection).await
    }

    /// As a newer or older request would want them.
    pub(in crate::api) async fn at(
        call: &'a Call,
        version: ApiVersion,
        selection: Selection,
    ) -> ApiResult<Self> {
        let mut view = Self::new(version, &call.base, &call.access, selection);
        if view.fields().any(|field| field.name == "conductor") {
            view.rings = Some(call.conductor().rings().await?);
        }
        Ok(view)
    }

    /// In which no node has a conductor.
    pub(super) const fn new(
        version: ApiVersion,
        base: &'a Base,
        access: &'a Access,
        selection: Selection,
    ) -> Self {
        Self {
            version,
            base,
            access,
            selection,
            rings: None,
        }
    }

    pub(super) const fn version(&self) -> ApiVersion {
        self.version
    }

    /// What is wanted, in the order in which it is shown.
    pub(super) fn fields(&self) -> impl Iterator<Item = &'static Field> {
        let fields = NODE.iter();
        fields.filter(|field| self.selection.shows(field, self.version))
    }

    /// To each node of a list.
    pub(super) fn node_links(&self) -> Pairs {
        self.base.pairs("nodes/")
    }

    /// To the node, or to what stands under it.
    fn links(&self, node: NodeId, under: Option<&'static str>) -> Shown<'_> {
        Shown::Links(self.base.pair_of(NodePath { node, under }))
    }

    pub(in crate::api) fn show(&self, node: &Node) -> Value {
        let values = self.values(node);
        let shown = values.map(|(name, value)| (name.to_owned(), value.into()));
        Value::Object(Object::from_iter(shown))
    }

    /// Appends the node as JSON.
    pub(super) fn push(&self, node: &impl Source, text: &mut Vec<u8>) {
        let mut serializer = serde_json::Serializer::new(text);
        let written = (&mut serializer).collect_map(self.values(node));
        written.expect("memory takes all, and keys are texts");
    }

    /// The same of a record of the store.
    pub(super) fn push_record(&self, record: &Record, text: &mut Vec<u8>) -> ApiResult<()> {
        match Stored::read(&record.document) {
            Some(stored) => self.push(&stored, text),
            None => self.push(&record.decode::<Node>()?, text),
        }
        Ok(())
    }

    pub(super) fn answer(&self, node: &Node) -> JsonText {
        let mut text = Vec::with_capacity(LIKELY_BYTES);
        self.push(node, &mut text);
        JsonText(text)
    }

    pub(super) fn answer_record(&self, record: &Record) -> ApiResult<JsonText> {
        let mut text = Vec::with_capacity(LIKELY_BYTES);
        self.push_record(record, &mut text)?;
        Ok(JsonText(text))
    }

    fn values<'n>(
        &'n self,
        node: &'n impl Source,
    ) -> impl Iterator<Item = (&'static str, Shown<'n>)> {
        self.fields().map(|field| {
            let value = match field.name {
                "conductor" => Shown::Text(self.conductor(node)),
                _ if hides(self.access, node.target(), field) => Shown::Made(hidden(field)),
                _ => self.value(node, field),
            };
            (field.name, value)
        })
    }

    /// The one that the hash ring gives the node to.
    fn conductor(&self, node: &impl Source) -> Option<&str> {
        let rings = self.rings.as_ref()?;
        let host = rings.host(node.conductor_group(), node.driver(), node.uuid());
        host.ok()
    }

    fn value<'n>(&'n self, node: &'n impl Source, field: &Field) -> Shown<'n> {
        let made = match field.name {
            "driver_info" => return node.driver_info(),
            "instance_info" => return node.instance_info(),
            "provision_state" => {
                return Shown::Text(state_name(node.provision_state(), self.version));
            }
            "reservation" => return Shown::Text(node.reservation()),
            "links" => return self.links(node.uuid(), None),
            "ports" | "states" | "portgroups" | "volume" => {
                return self.links(node.uuid(), Some(field.name));
            }
            "clean_step" => node.current_step("clean"),
            "deploy_step" => node.current_step("deploy"),
            "service_step" => node.current_step("service"),
            "driver_internal_info" => Value::Object(node.driver_internal_info()),
            name => {
                let interface = |kind| Shown::Text(node.interface(kind));
                let interface = name.strip_suffix("_interface").map(interface);
                return interface
                    .or_else(|| node.own(name))
                    .unwrap_or(Shown::Text(None));
            }
        };
        Shown::Made(made)
    }
}

/// What whoever leases a node need not know of it.
fn hides(access: &Access, target: Target<'_>, field: &Field) -> bool {
    let rule = match field.name {
        "last_error" => rules::NODE_GET_LAST_ERROR,
        "reservation" => rules::NODE_GET_RESERVATION,
        "driver_internal_info" => rules::NODE_GET_DRIVER_INTERNAL_INFO,
        "driver_info" => rules::NODE_GET_DRIVER_INFO,
        _ => return false,
    };
    !access.allows(&rules::NODE_GET_FILTER_THRESHOLD, target) && !access.allows(&rule, target)
}

/// In place of a field that the caller may not read, in that field's form.
fn hidden(field: &Field) -> Value {
    let text = format!("** hidden: needs baremetal:node:get:{} **", field.name);
    match field.shape {
        Shape::Object => serde_json::json!({"content": text}),
        _ => Value::from(text),
    }
}

/// What `states` shows of a node.
pub(in crate::api) const STATES: &[&str] = &[
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

/// The states sub-resource: some fields of the node, as its version shows them.
pub(super) fn states(node: &Node, version: ApiVersion, access: &Access) -> Value {
    let fields = STATES.iter().filter_map(|name| find(NODE, name));
    let shown = fields
        .filter(|field| field.exists_in(version))
        .map(|field| {
            let value = match hides(access, Target::of_node(node), field) {
                true => hidden(field),
                false => values::of(node, field.name).map_or(Value::Null, Value::from),
            };
            (field.name.to_owned(), value)
        });
    let mut shown: Object = shown.collect();
    shown.insert(
        "provision_state".to_owned(),
        Value::from(state_name(node.provision_state, version)),
    );
    Value::Object(shown)
}

/// Null where the version has no name for it.
pub(super) fn state_name(state: ProvisionState, version: ApiVersion) -> Option<&'static str> {
    match state {
        ProvisionState::Available if version.0 < AVAILABLE => None,
        ProvisionState::InspectWait if version.0 < INSPECT_WAIT => {
            Some(ProvisionState::Inspecting.name())
        }
        state => Some(state.name()),
    }
}

/// The node by the names of the model, most of which are those of the wire.
pub(super) fn document(node: &Node) -> ApiResult<Object> {
    crate::api::document::document(node, "node")
}
