//! Flows of machines that must not be off (`disable_power_off`): where others are switched off, they are restarted.
//!
//! A step that boots the ramdisk restarts the machine itself. At the end of a flow the restart comes after what decides
//! on the next boot, or the machine would boot the ramdisk once more.

use super::step;
use ferric_model::step::Step;

pub(super) fn rewritten(steps: Vec<Step>) -> Vec<Step> {
    let mut rewritten = Vec::with_capacity(steps.len());
    let mut owed: Option<Step> = None;
    for each in steps {
        match (each.id.interface.as_str(), each.id.step.as_str()) {
            ("power", "off") => owed = Some(step("power", "restart", each.priority)),
            ("boot", "ramdisk") | ("deploy", "deploy") => {
                owed = None;
                rewritten.push(each);
            }
            ("power", "on") => rewritten.push(owed.take().unwrap_or(each)),
            ("boot", "clean_up" | "disk") | ("deploy", "switch_to_tenant_network") => {
                rewritten.push(each);
            }
            _ => {
                rewritten.extend(owed.take());
                rewritten.push(each);
            }
        }
    }
    rewritten.extend(owed);
    rewritten
}
