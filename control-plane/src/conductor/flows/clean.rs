//! Cleaning: boot the ramdisk where it is needed, do the steps, switch off.

use super::offer::Offer;
use super::{for_node, is_real, ramdisk_step, requested, step, told};
use crate::config::Steps;
use ferric_model::node::Node;
use ferric_model::run::Activity;
use ferric_model::step::Step;

/// Steps given by somebody, between those that bring the ramdisk up and take it down, if any of them needs it.
pub(in crate::conductor) fn around_listed(node: &Node, listed: Vec<Step>) -> Vec<Step> {
    if is_real(node, Activity::ManualClean) && requested::need_ramdisk(&listed) {
        for_node(around(listed), node)
    } else {
        listed
    }
}

/// Automated cleaning: with a ramdisk the steps are put in when the agent has told its own.
pub(in crate::conductor) fn automated(
    node: &Node,
    driver: &[Offer],
    settings: &Steps,
) -> Vec<Step> {
    if is_real(node, Activity::Clean) {
        for_node(around(Vec::new()), node)
    } else {
        told::automated_clean(settings, driver.iter())
    }
}

pub(super) fn around(mut steps: Vec<Step>) -> Vec<Step> {
    let before = [
        step("power", "off", 0),
        step("boot", "ramdisk", 0),
        ramdisk_step("agent", "get_steps", 0),
    ];
    steps.splice(0..0, before);
    steps.extend([step("power", "off", 0), step("boot", "clean_up", 0)]);
    steps
}
