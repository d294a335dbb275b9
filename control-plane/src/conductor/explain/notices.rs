//! What must be known beside the state: maintenance, faults, marks that forbid something, a conductor that is gone.

use super::{Notice, Owner, Situation, time};
use ferric_model::node::Node;
use ferric_model::state::PowerState;

pub(super) fn of(situation: &Situation<'_>) -> Vec<Notice> {
    let node = situation.node;
    let notices = [marks(node), machine(node)];
    let mut notices: Vec<Notice> = notices.into_iter().flatten().collect();
    notices.extend(conductor(situation));
    if let Some(at) = node.inspection_finished_at {
        let text = format!("It was inspected last at {}.", time(at));
        notices.push(notice("inspected", text));
    }
    notices
}

fn notice(kind: &'static str, text: String) -> Notice {
    Notice { kind, text }
}

/// What somebody, or the conductor, has set on the node.
fn marks(node: &Node) -> Vec<Notice> {
    let because = |reason: &Option<String>| {
        let reason = reason.as_deref().filter(|reason| !reason.is_empty());
        reason.map_or_else(String::new, |reason| format!(" ({reason})"))
    };
    let mut notices = Vec::new();
    if node.maintenance {
        let reason = because(&node.maintenance_reason);
        let text = format!(
            "It is in maintenance{reason}: it is neither deployed nor cleaned before that ends."
        );
        notices.push(notice("maintenance", text));
    }
    if let Some(fault) = &node.fault {
        let cure = match fault.as_str() {
            "power failure" => "the conductor ends that by itself when the BMC answers again",
            "clean failure" => "the target manage, or ending the maintenance, clears it",
            _ => "ending the maintenance clears it",
        };
        let text = format!("The conductor has set the fault {fault}: {cure}.");
        notices.push(notice("fault", text));
    }
    if node.protected {
        let reason = because(&node.protected_reason);
        let text = format!(
            "It is protected{reason}: it is neither rebuilt nor undeployed before protected is false."
        );
        notices.push(notice("protected", text));
    }
    if node.retired {
        let reason = because(&node.retired_reason);
        let text =
            format!("It is retired{reason}: after cleaning it does not become available again.");
        notices.push(notice("retired", text));
    }
    notices
}

/// What is known of its power and of the ramdisk.
fn machine(node: &Node) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some(target) = node.target_power_state {
        let text = format!("Its power is being changed to {target}.");
        notices.push(notice("power", text));
    }
    if let Some(wish) = &node.wish {
        let text = format!("The conductor is {}, or does so next.", wish.purpose());
        notices.push(notice("wish", text));
    }
    if matches!(node.power_state, Some(PowerState::Error)) || node.power_sync_failures > 0 {
        let failures = node.power_sync_failures;
        let text = format!("Its BMC did not tell the power state ({failures} times in a row).");
        notices.push(notice("bmc", text));
    }
    let boots_again = node.run.as_ref().map_or(0, |run| run.reboots);
    if boots_again > 0 {
        let text = format!(
            "The ramdisk was booted again {boots_again} times in this run; it is given up after 3."
        );
        notices.push(notice("reboots", text));
    }
    notices
}

fn conductor(situation: &Situation<'_>) -> Option<Notice> {
    let text = match (situation.owner, &situation.node.ownership) {
        (Owner::Gone, Some(owner)) => format!(
            "Conductor {}, which has the node, is gone: another one takes it over when it was silent for more than \
             {} s, and goes on with what was under way.",
            owner.conductor, situation.rules.beat_timeout_s
        ),
        (Owner::Nobody, _) => {
            "No conductor has the node: is one running that offers its driver, in its conductor group?".to_owned()
        }
        (Owner::Alive | Owner::Gone, _) => return None,
    };
    Some(notice("conductor", text))
}
