//! What the agent adds to a deploy, by what it told when it was asked last.

use super::Finding;
use crate::conductor::flows::{self, Composed, Offer, Told};
use crate::config::Steps;
use ferric_model::ids::RunId;
use ferric_model::node::{AgentOffers, Node};
use ferric_model::run::Activity;
use ferric_model::step::{Performer, Step};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

/// The steps in their order, and what is to be said of those of the agent.
pub(super) struct Foreseen {
    pub(super) steps: Vec<Step>,
    pub(super) findings: Vec<Finding>,
}

/// `driver`: what hides the agent's steps of the same names.
pub(super) fn foresee(
    node: &Node,
    activity: Activity,
    composed: Composed,
    driver: &[Offer],
    settings: &Steps,
) -> Foreseen {
    if !flows::is_real(node, activity) {
        return Foreseen {
            steps: composed.steps,
            findings: Vec::new(),
        };
    }
    let Some(offers) = &node.agent_offers else {
        return Foreseen {
            steps: composed.steps,
            findings: vec![unknown()],
        };
    };
    let before = composed.steps.len();
    let lacking = lacking(&composed.steps, offers);
    let agent: Vec<Offer> = offers
        .steps()
        .map(|(id, priority)| Offer::remembered(id, priority))
        .collect();
    let told = Told {
        agent: &agent,
        driver,
        settings,
    };
    let run = flows::composed_run(
        RunId(Uuid::nil()),
        activity,
        composed,
        Timestamp::UNIX_EPOCH,
    );
    let steps = told.foreseen(&run);
    let added = steps.len() - before;
    let mut findings = vec![known(offers, agent.len(), added)];
    findings.extend(lacking);
    Foreseen { steps, findings }
}

fn unknown() -> Finding {
    let text = "no agent has told its deploy steps on this node yet: those that it does by itself are not among the steps \
                until the node was deployed once";
    Finding::ok("agent", text, json!({"as_of": null}))
}

fn known(offers: &AgentOffers, told: usize, added: usize) -> Finding {
    let version = offers.version.as_deref().unwrap_or("unknown");
    let (as_of, verb) = (offers.as_of, if added == 1 { "is" } else { "are" });
    let text = format!(
        "the agent (version {version}) told {told} deploy steps, as of {as_of}, of which {added} {verb} done by itself"
    );
    let data =
        json!({"as_of": as_of, "version": offers.version, "offered": told, "by_itself": added});
    Finding::ok("agent", text, data)
}

/// Steps of the agent that are wanted and that it had not.
fn lacking(steps: &[Step], offers: &AgentOffers) -> Option<Finding> {
    let is_lacking =
        |step: &&Step| step.by == Performer::Agent && !offers.has(&step.id) && offers.is_whole();
    let names = steps.iter().filter(is_lacking);
    let names: Vec<String> = names.map(|step| step.id.to_string()).collect();
    if names.is_empty() {
        return None;
    }
    let text = format!(
        "the agent did not offer {} when it was asked last ({}): without it the deploy fails",
        names.join(", "),
        offers.as_of
    );
    Some(Finding::warning("agent", text, json!({"lacking": names})))
}
