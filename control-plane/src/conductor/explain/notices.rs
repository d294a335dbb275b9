//! What must be known beside the state: maintenance, faults, marks that forbid something, a conductor that is gone.

use super::{Notice, Owner, Situation, time};
use ferric_model::state::PowerState;

pub(super) fn of(situation: &Situation<'_>) -> Vec<Notice> {
    let node = situation.node;
    let mut notices = Vec::new();
    let mut tell = |kind, text: String| notices.push(Notice { kind, text });
    let because = |reason: &Option<String>| {
        let reason = reason.as_deref().filter(|reason| !reason.is_empty());
        reason.map_or_else(String::new, |reason| format!(" ({reason})"))
    };
    if node.maintenance {
        let reason = because(&node.maintenance_reason);
        tell(
            "maintenance",
            format!(
                "It is in maintenance{reason}: it is neither deployed nor cleaned before that ends."
            ),
        );
    }
    if let Some(fault) = &node.fault {
        let cure = match fault.as_str() {
            "power failure" => "the conductor ends that by itself when the BMC answers again",
            "clean failure" => "the target manage, or ending the maintenance, clears it",
            _ => "ending the maintenance clears it",
        };
        tell(
            "fault",
            format!("The conductor has set the fault {fault}: {cure}."),
        );
    }
    if node.protected {
        let reason = because(&node.protected_reason);
        tell(
            "protected",
            format!(
                "It is protected{reason}: it is neither rebuilt nor undeployed before protected is false."
            ),
        );
    }
    if node.retired {
        let reason = because(&node.retired_reason);
        tell(
            "retired",
            format!("It is retired{reason}: after cleaning it does not become available again."),
        );
    }
    if let Some(target) = node.target_power_state {
        tell("power", format!("Its power is being changed to {target}."));
    }
    if matches!(node.power_state, Some(PowerState::Error)) || node.power_sync_failures > 0 {
        let failures = node.power_sync_failures;
        tell(
            "bmc",
            format!("Its BMC did not tell the power state ({failures} times in a row)."),
        );
    }
    match (situation.owner, &node.ownership) {
        (Owner::Gone, Some(owner)) => {
            let limit = situation.rules.beat_timeout_s;
            let text = format!(
                "Conductor {}, which has the node, is gone: another one takes it over when it was silent for more than \
                 {limit} s, and goes on with what was under way.",
                owner.conductor
            );
            tell("conductor", text);
        }
        (Owner::Nobody, _) => tell(
            "conductor",
            "No conductor has the node: is one running that offers its driver, in its conductor group?".to_owned(),
        ),
        (Owner::Alive | Owner::Gone, _) => {}
    }
    let boots_again = node.run.as_ref().map_or(0, |run| run.reboots);
    if boots_again > 0 {
        tell(
            "reboots",
            format!(
                "The ramdisk was booted again {boots_again} times in this run; it is given up after 3."
            ),
        );
    }
    if let Some(at) = node.inspection_finished_at {
        tell(
            "inspected",
            format!("It was inspected last at {}.", time(at)),
        );
    }
    notices
}
