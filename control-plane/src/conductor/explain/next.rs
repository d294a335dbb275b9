//! What may be done with a node where it is, the best first.

use super::{Next, Situation};
use crate::conductor::engine::ABORT_AFTER;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState as S;
use ferric_model::verb::Verb;

pub(super) fn of(situation: &Situation<'_>) -> Vec<Next> {
    let node = situation.node;
    let mut next = Vec::new();
    if node.maintenance {
        next.push(plain(
            "End the maintenance (DELETE /v1/nodes/{node}/maintenance) when the machine may be worked on.",
        ));
    }
    let verbs = verbs(node);
    if situation.queued.is_some() {
        next.push(plain("Wait: it has its turn in a bulk request."));
    } else if node.provision_state == S::Active && !node.maintenance {
        next.push(plain("Nothing needs to be done."));
    }
    if node.provision_state.is_wait() && !node.maintenance {
        next.push(plain("Wait: it goes on by itself."));
    } else if verbs.is_empty() {
        next.push(plain(match abort_is_due(node) {
            true => "Wait: it is aborted as soon as the step in hand, which must not be interrupted, is over.",
            false => "Wait: the conductor works on it.",
        }));
    }
    next.extend(verbs.into_iter().map(|verb| Next {
        target: Some(verb.name()),
        text: format!("{} ({}).", sentence(verb, situation), verb.name()),
    }));
    for next in &mut next {
        next.text = next.text.replace("{node}", &node.uuid.to_string());
    }
    next
}

fn plain(text: &str) -> Next {
    Next {
        target: None,
        text: text.to_owned(),
    }
}

fn abort_is_due(node: &Node) -> bool {
    let run = node.run.as_ref();
    run.is_some_and(|run| run.notes.contains_key(ABORT_AFTER))
}

/// What may be asked for, the best first; of two names for one thing the older one.
fn verbs(node: &Node) -> Vec<Verb> {
    let state = node.provision_state;
    let is_alias = |verb: &Verb| matches!(verb, Verb::Deploy | Verb::Undeploy);
    let allowed = Verb::ALL.iter().copied().filter(|verb| !is_alias(verb));
    let mut allowed: Vec<Verb> = allowed.filter(|verb| verb.on(state).is_ok()).collect();
    let best = best(node);
    allowed.sort_by_key(|verb| Some(*verb) != best);
    allowed
}

fn best(node: &Node) -> Option<Verb> {
    Some(match node.provision_state {
        S::Enroll | S::CleanFailed => Verb::Manage,
        S::Manageable if node.inspection_finished_at.is_none() => Verb::Inspect,
        S::Manageable => Verb::Provide,
        S::Available | S::DeployFailed => Verb::Active,
        S::Error => Verb::Deleted,
        S::Rescue | S::UnrescueFailed => Verb::Unrescue,
        S::InspectFailed => Verb::Inspect,
        S::AdoptFailed => Verb::Adopt,
        S::RescueFailed => Verb::Rescue,
        S::ServiceFailed => Verb::Service,
        S::DeployHold | S::CleanHold | S::ServiceHold => Verb::Unhold,
        _ => return None,
    })
}

fn sentence(verb: Verb, situation: &Situation<'_>) -> &'static str {
    let node = situation.node;
    let cleans = node
        .automated_clean
        .unwrap_or(situation.rules.automated_clean);
    match (verb, node.provision_state) {
        (Verb::Active | Verb::Deploy, S::DeployFailed) => {
            "Remove the cause, then deploy again what instance_info says"
        }
        (Verb::Active | Verb::Deploy, _) => {
            "Deploy it: set image_source in instance_info, look at the plan (POST /ferric/v1/nodes/{node}/plan), then \
             ask for it"
        }
        (Verb::Rebuild, S::Active) => "Deploy over its instance, whose disk is written anew",
        (Verb::Rebuild, _) => "Deploy over what is on its disk",
        (Verb::Deleted | Verb::Undeploy, _) if cleans => {
            "Take the instance down; its disks are cleaned, and it becomes available"
        }
        (Verb::Deleted | Verb::Undeploy, _) => {
            "Take the instance down; its disks are not cleaned, and it becomes available"
        }
        (Verb::Manage, S::Enroll) => "Have its BMC checked, which makes it manageable",
        (Verb::Manage, S::Available) => "Take it out of the pool",
        (Verb::Manage, _) => "Look at the machine and put it aside; it becomes manageable",
        (Verb::Provide, _) if node.retired => {
            "Provide it: refused while it is retired, so set retired to false first"
        }
        (Verb::Provide, _) if cleans => "Have its disks cleaned, which makes it available",
        (Verb::Provide, _) => "Make it available; its disks are not cleaned",
        (Verb::Inspect, S::InspectFailed) => "Remove the cause, then inspect it again",
        (Verb::Inspect, _) => "Boot the ramdisk and find out what the machine is made of",
        (Verb::Abort, S::ServiceFailed) => "Give the service up and bring the instance back",
        (Verb::Abort, S::DeployHold | S::CleanHold | S::ServiceHold) => {
            "Give it up where it is held"
        }
        (Verb::Abort, _) => "Give it up",
        (Verb::Clean, _) => "Do the cleaning steps that you list",
        (Verb::Adopt, S::AdoptFailed) => "Remove the cause, then take it over again",
        (Verb::Adopt, _) => "Take it over with the instance that its machine runs",
        (Verb::Rescue, S::Active) => "Boot the rescue ramdisk in place of its instance",
        (Verb::Rescue, S::ServiceFailed) => "Boot the rescue ramdisk to look at the machine",
        (Verb::Rescue, _) => "Boot the rescue ramdisk again",
        (Verb::Unrescue, _) => "Bring its instance back",
        (Verb::Unhold, _) => "Go on where it is held",
        (Verb::Service, S::ServiceFailed) => {
            "Remove the cause, then do the steps of the service again"
        }
        (Verb::Service, S::ServiceHold) => "Begin another service in place of the one that is held",
        (Verb::Service, _) => "Do service steps on it without undeploying it",
    }
}
