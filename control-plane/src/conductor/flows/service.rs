//! Servicing: boot the ramdisk where a step needs it, do the steps in the order given, boot the instance again.

use super::{for_node, has_touched, is_real, ramdisk_step, requested, step};
use crate::conductor::engine::LEFT_INSTANCE;
use ferric_model::node::Node;
use ferric_model::run::Activity;
use ferric_model::step::Step;

fn way_back() -> [Step; 4] {
    [
        step("power", "off", 0),
        step("boot", "disk", 0),
        step("deploy", "switch_to_tenant_network", 0),
        step("power", "on", 0),
    ]
}

/// Whatever the machine runs now, it runs its instance after these.
pub(in crate::conductor) fn back_to_instance(node: &Node) -> Vec<Step> {
    for_node(way_back().into(), node)
}

/// Steps given by somebody: between those that boot the ramdisk and the instance, if any of them needs the ramdisk. If
/// none does, the machine goes on running what it runs; one that does not run its instance does so in the end.
pub(in crate::conductor) fn around_listed(node: &Node, mut listed: Vec<Step>) -> Vec<Step> {
    if !is_real(node, Activity::Service) {
        return listed;
    }
    if requested::need_ramdisk(&listed) {
        return for_node(around(listed), node);
    }
    if has_left_instance(node) {
        listed.extend(back_to_instance(node));
    }
    listed
}

/// Whether the machine does not run its instance: because of a service that has failed, or of one that is held.
pub(in crate::conductor) fn has_left_instance(node: &Node) -> bool {
    let held = node.run.as_ref();
    let held = held.filter(|run| run.activity == Activity::Service);
    node.internal_info.contains_key(LEFT_INSTANCE) || held.is_some_and(has_touched)
}

pub(super) fn around(mut steps: Vec<Step>) -> Vec<Step> {
    let before = [
        step("power", "off", 0),
        step("boot", "ramdisk", 0),
        ramdisk_step("agent", "get_steps", 0),
    ];
    steps.splice(0..0, before);
    steps.extend(way_back());
    steps
}
