//! Servicing: boot the ramdisk where a step needs it, do the steps in the order given, boot the instance again.

use super::{for_node, is_real, ramdisk_step, requested, step};
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
/// none does, the machine goes on running what it runs.
pub(in crate::conductor) fn around_listed(node: &Node, listed: Vec<Step>) -> Vec<Step> {
    if is_real(node, Activity::Service) && requested::need_ramdisk(&listed) {
        for_node(around(listed), node)
    } else {
        listed
    }
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
