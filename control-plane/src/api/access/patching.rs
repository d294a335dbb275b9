//! Which rules a patch falls under, by the fields that it touches.

use super::rules;
use super::who::Rule;
use super::{Access, Target};
use crate::api::error::ApiResult;
use crate::api::patch::Patch;
use ferric_model::node::Node;
use ferric_model::recipe::Runbook;
use serde_json::Value;

/// Of a node; what stands here nowhere falls under the rule for updates in general.
const NODE: &[(&str, Rule)] = &[
    ("instance_info", rules::NODE_UPDATE_INSTANCE_INFO),
    ("instance_name", rules::NODE_UPDATE_INSTANCE_INFO),
    ("extra", rules::NODE_UPDATE_EXTRA),
    ("driver_info", rules::NODE_UPDATE_DRIVER_INFO),
    ("properties", rules::NODE_UPDATE_PROPERTIES),
    ("chassis_uuid", rules::NODE_UPDATE_CHASSIS),
    ("instance_uuid", rules::NODE_UPDATE_INSTANCE_UUID),
    ("lessee", rules::NODE_UPDATE_LESSEE),
    ("owner", rules::NODE_UPDATE_OWNER),
    ("driver", rules::NODE_UPDATE_INTERFACES),
    ("network_data", rules::NODE_UPDATE_NETWORK_DATA),
    ("conductor_group", rules::NODE_UPDATE_CONDUCTOR_GROUP),
    ("name", rules::NODE_UPDATE_NAME),
    ("retired", rules::NODE_UPDATE_RETIRED),
    ("retired_reason", rules::NODE_UPDATE_RETIRED),
    ("shard", rules::NODE_UPDATE_SHARD),
    ("parent_node", rules::NODE_UPDATE_PARENT),
    ("disable_power_off", rules::NODE_UPDATE_DISABLE_POWER_OFF),
];

const RUNBOOK: &[(&str, Rule)] = &[
    ("owner", rules::RUNBOOK_UPDATE_OWNER),
    ("public", rules::RUNBOOK_UPDATE_PUBLIC),
];

/// 403 unless the caller may touch every field that the patch touches.
pub(in crate::api) fn check_node_patch(
    access: &Access,
    patch: &Patch,
    node: &Node,
) -> ApiResult<()> {
    let target = Target::of_node(node);
    let special = |root: &str, value: &Value| {
        if let Some(rule) = named(NODE, root) {
            return Some(rule);
        }
        if root.ends_with("_interface") {
            return Some(rules::NODE_UPDATE_INTERFACES);
        }
        let disables = root == "automated_clean" && is_false(value);
        disables.then_some(rules::NODE_DISABLE_CLEANING)
    };
    check(access, patch, target, rules::NODE_UPDATE, special)
}

/// The same for a runbook.
pub(in crate::api) fn check_runbook_patch(
    access: &Access,
    patch: &Patch,
    runbook: &Runbook,
) -> ApiResult<()> {
    let target = Target::of_runbook(runbook.owner.as_deref());
    let special = |root: &str, _: &Value| named(RUNBOOK, root);
    check(access, patch, target, rules::RUNBOOK_UPDATE, special)
}

fn check(
    access: &Access,
    patch: &Patch,
    target: Target<'_>,
    general: Rule,
    special: impl Fn(&str, &Value) -> Option<Rule>,
) -> ApiResult<()> {
    let mut touched = patch.touched().peekable();
    if touched.peek().is_none() {
        return access.check(&general, target);
    }
    touched.try_for_each(|(root, value)| {
        let rule = special(root, value).unwrap_or(general);
        access.check(&rule, target)
    })
}

fn named(table: &[(&str, Rule)], root: &str) -> Option<Rule> {
    let mut rows = table.iter();
    rows.find(|(name, _)| *name == root).map(|(_, rule)| *rule)
}

/// In all the ways in which a flag can be written.
fn is_false(value: &Value) -> bool {
    match value {
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => {
            let lower = text.trim().to_ascii_lowercase();
            ["false", "f", "no", "n", "off", "0"].contains(&lower.as_str())
        }
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}
