//! What a node waits for, until when, and what is known meanwhile of the machine that is to answer.

use super::{Situation, Waiting, lasted, time};
use crate::conductor::environment::between;
use crate::conductor::messages::{BOOT_REQUESTED_AT, PROGRESS};
use crate::config::seconds;
use ferric_model::bulk::{BulkRoom, BulkWork};
use ferric_model::node::Node;
use ferric_model::node::agent_session::NextBoot;
use ferric_model::run::{Run, Wait, WaitReason};
use ferric_model::state::{Event, ProvisionState};
use jiff::Timestamp;
use serde_json::Value;

pub(super) fn of(situation: &Situation<'_>) -> Option<Waiting> {
    of_run(situation).or_else(|| of_queue(situation))
}

/// Something is to be done to the node that has not begun.
fn of_queue(situation: &Situation<'_>) -> Option<Waiting> {
    let item = situation.queued?;
    let (request, rules) = (item.request, situation.rules);
    let wanted = match &item.work {
        Some(BulkWork::Provision { verb, .. }) => verb.name(),
        Some(BulkWork::Delete) => "delete",
        Some(BulkWork::Enrol { .. }) | None => return None,
    };
    let first = match item.room() {
        Some(BulkRoom::Deploy) => format!(
            "not more than {} nodes are deployed at a time (max_concurrent_deploy)",
            rules.max_concurrent_deploy
        ),
        Some(BulkRoom::Clean) => format!(
            "not more than {} nodes are cleaned or undeployed at a time (max_concurrent_clean)",
            rules.max_concurrent_clean
        ),
        None => "it is begun when nobody else works on the node".to_owned(),
    };
    Some(Waiting {
        kind: "bulk_queue",
        since: item.updated_at,
        until: None,
        text: format!("It waits for its turn in bulk request {request} ({wanted}): {first}."),
        otherwise: format!(
            "No time runs out meanwhile; POST /ferric/v1/bulk/{request}/cancel calls off what has not begun."
        ),
    })
}

fn of_run(situation: &Situation<'_>) -> Option<Waiting> {
    let node = situation.node;
    let run = node.run.as_ref()?;
    let wait = run.wait.as_ref()?;
    let text = match &wait.reason {
        WaitReason::AgentBoot => {
            let heard = heard_of_boot(node, run, wait);
            format!("It waits for its ramdisk to boot and to call back. {heard}")
        }
        WaitReason::AgentReboot => {
            let heard = heard_of_boot(node, run, wait);
            format!(
                "The machine has booted again in the middle of the step, which is taken up again when the ramdisk \
                 calls back. {heard}"
            )
        }
        WaitReason::InspectionData => {
            let heard = heard_of_boot(node, run, wait);
            format!("It waits for the inventory that its ramdisk sends. {heard}")
        }
        WaitReason::AgentCommand { step, .. } => {
            let agent = heard_of_agent(situation);
            let progress = progress(node, &step.to_string());
            format!("It waits for the agent to finish {step}. {progress}{agent}")
        }
        WaitReason::Hardware { job, step } => format!(
            "It waits for the BMC to finish {step} by itself; the job \"{job}\" looks again and again whether it has."
        ),
        WaitReason::Hold => {
            let step = run.step().map_or_else(String::new, |step| {
                format!(" before it goes on behind {}", step.id)
            });
            format!("It waits for an operator to say go{step}.")
        }
    };
    Some(Waiting {
        kind: wait.reason.name(),
        since: wait.since,
        until: wait.deadline,
        text,
        otherwise: otherwise(situation, wait),
    })
}

/// How far the machine has got from being switched on to its first heartbeat.
fn heard_of_boot(node: &Node, run: &Run, wait: &Wait) -> String {
    let asked = run.notes.get(BOOT_REQUESTED_AT).and_then(Value::as_str);
    let asked = asked
        .and_then(|at| at.parse::<Timestamp>().ok())
        .filter(|at| *at >= wait.since);
    let looked_up = node
        .agent
        .as_ref()
        .is_some_and(|session| session.lookups > 0 && !session.token_confirmed);
    match asked {
        _ if looked_up => "The ramdisk is up and has looked its node up; its first heartbeat is yet to come.".to_owned(),
        Some(at) => format!(
            "The machine asked for its boot script at {}, and no ramdisk has looked its node up since: if that takes \
             longer than a few minutes, look at its console, and whether it reaches the API on the provisioning network.",
            time(at)
        ),
        None => "The machine has not asked for its boot script since: if that takes longer than its firmware needs, \
                 look at its console, whether it boots from the network, and whether the addresses of its ports are \
                 those of the interfaces that do."
            .to_owned(),
    }
}

fn heard_of_agent(situation: &Situation<'_>) -> String {
    let session = situation.node.agent.as_ref();
    let Some(at) = session.and_then(|session| session.last_heartbeat) else {
        return "No heartbeat of the agent has come.".to_owned();
    };
    let now = situation.now;
    let heard = format!("The agent's last heartbeat came {} ago.", lasted(at, now));
    if between(at, now) <= seconds(situation.heartbeat_timeout_s) {
        return heard;
    }
    let next_boot = session.and_then(|session| session.next_boot);
    let then = match next_boot {
        Some(NextBoot::Network) => {
            "one that has is set to come back to the ramdisk, and the step is taken up again"
        }
        Some(NextBoot::Unknown) | None => "one that has may run what is on its disk",
    };
    format!(
        "{heard} It is overdue: look at the machine's console, whether it has started again, as after a cut in its \
         power, and at its network. A machine may take minutes to start; {then}."
    )
}

/// How far a transfer has got, where the agent tells.
fn progress(node: &Node, step: &str) -> String {
    let Some(mark) = node.internal_info.get(PROGRESS) else {
        return String::new();
    };
    let number = |key: &str| mark[key].as_u64();
    let (Some(done), true) = (number("bytes_written"), mark["step"] == step) else {
        return String::new();
    };
    let (mib, rate) = (1 << 20, number("bytes_per_second").unwrap_or(0));
    let of = number("bytes_total").map_or_else(String::new, |total| format!(" of {}", total / mib));
    let left = number("bytes_total").and_then(|total| total.saturating_sub(done).checked_div(rate));
    let left = left.map_or_else(String::new, |left| format!(", about {left} s to go"));
    format!(
        "It has written {}{of} MiB at {} MiB/s{left}. ",
        done / mib,
        rate / mib
    )
}

fn otherwise(situation: &Situation<'_>, wait: &Wait) -> String {
    let node = situation.node;
    if node.maintenance {
        return "Nothing goes on, and no time runs out, while the node is in maintenance."
            .to_owned();
    }
    let Some(deadline) = wait.deadline else {
        return match wait.reason {
            WaitReason::Hold => "No time runs out meanwhile.".to_owned(),
            _ => "The wait has no end: its time-out is set to 0.".to_owned(),
        };
    };
    let ends_in = node.provision_state.on(Event::Fail);
    let ends_in = ends_in.map_or("a failed state", ProvisionState::name);
    if deadline <= situation.now {
        return format!(
            "The time for it ran out at {}: {ends_in} follows.",
            time(deadline)
        );
    }
    format!(
        "If it does not come by {} (in {}), the run fails, and the node goes to {ends_in}.",
        time(deadline),
        lasted(situation.now, deadline)
    )
}
