//! Why a node is where it is: what goes on, what it waits for, what failed last and what to do, in words and as data.
//!
//! A pure function of what is stored and of what is known at this moment; nothing is asked of the machine. What is said
//! here is for people and may change: programs read the data beside it.

mod failures;
mod gather;
mod next;
mod notices;
mod states;
mod waits;

#[cfg(test)]
mod tests;

use crate::config;
use ferric_model::bulk::BulkItem;
use ferric_model::event::TimelineEvent;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::run::{Activity, Run, StepPhase};
use ferric_model::state::{PowerState, ProvisionState};
use ferric_model::step::Performer;
use jiff::Timestamp;
use serde::Serialize;

/// Everything that an explanation is made of.
pub struct Situation<'a> {
    pub node: &'a Node,
    pub locked: &'a Locked,
    pub owner: Owner,
    /// The newest events that tell of failures, in their order.
    pub failures: &'a [TimelineEvent],
    /// What a bulk request wants of the node and has not begun.
    pub queued: Option<&'a BulkItem>,
    pub rules: &'a config::Conductor,
    /// An agent that sent no heartbeat for so long is overdue.
    pub heartbeat_timeout_s: u64,
    pub now: Timestamp,
}

/// Whether somebody works on the node at this very moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Locked {
    No,
    For(String),
    /// Its conductor did not say.
    Unknown,
}

/// How it stands with the conductor that has the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    Nobody,
    Alive,
    /// It was not heard of for longer than `beat_timeout_s`, or has said that it ends.
    Gone,
}

#[derive(Debug, Serialize)]
pub struct Explanation {
    pub node: NodeId,
    pub name: Option<String>,
    /// All of it in a few sentences.
    pub text: String,
    pub state: StateNow,
    pub power_state: Option<PowerState>,
    pub doing: Option<Doing>,
    pub waits_for: Option<Waiting>,
    pub lock: Lock,
    pub last_failure: Option<Failure>,
    /// What else must be known, such as maintenance.
    pub notices: Vec<Notice>,
    /// What may be done, the best first.
    pub next: Vec<Next>,
}

#[derive(Debug, Serialize)]
pub struct StateNow {
    pub name: ProvisionState,
    pub target: Option<ProvisionState>,
    pub since: Option<Timestamp>,
    pub meaning: &'static str,
}

/// The run, and the step in hand.
#[derive(Debug, Serialize)]
pub struct Doing {
    pub activity: Activity,
    pub since: Timestamp,
    /// `deploy.write_image`; null when all steps are done.
    pub step: Option<String>,
    /// From 1 on.
    pub step_number: usize,
    pub steps: usize,
    pub by: Option<Performer>,
    pub step_since: Option<Timestamp>,
    pub attempt: u32,
    /// The run has failed, and its machine is brought to rest.
    pub clearing_up: bool,
    pub text: String,
}

#[derive(Debug, Serialize)]
pub struct Waiting {
    pub kind: &'static str,
    pub since: Timestamp,
    /// `None`: for as long as it takes.
    pub until: Option<Timestamp>,
    pub text: String,
    /// What happens when it does not come.
    pub otherwise: String,
}

#[derive(Debug, Serialize)]
pub struct Lock {
    pub conductor: Option<String>,
    pub owner: Owner,
    /// What the node is reserved for, as long as a run or a change of power is under way.
    pub purpose: Option<String>,
    pub since: Option<Timestamp>,
    /// What it is locked for at this very moment, as far as its conductor has said.
    pub locked_for: Option<String>,
    pub text: String,
}

#[derive(Debug, Serialize)]
pub struct Failure {
    pub at: Option<Timestamp>,
    pub step: Option<String>,
    pub message: String,
    pub remedy: String,
}

#[derive(Debug, Serialize)]
pub struct Notice {
    pub kind: &'static str,
    pub text: String,
}

#[derive(Debug, Serialize)]
pub struct Next {
    /// The target of `PUT /v1/nodes/{node}/states/provision`; null for anything else.
    pub target: Option<&'static str>,
    pub text: String,
}

pub fn explain(situation: &Situation<'_>) -> Explanation {
    let node = situation.node;
    let state = StateNow {
        name: node.provision_state,
        target: node.target_provision_state,
        since: node.provision_updated_at,
        meaning: states::meaning(node.provision_state),
    };
    let mut explanation = Explanation {
        node: node.uuid,
        name: node.name.clone(),
        text: String::new(),
        state,
        power_state: node.power_state,
        doing: node.run.as_ref().map(doing),
        waits_for: waits::of(situation),
        lock: lock(situation),
        last_failure: failures::last(situation),
        notices: notices::of(situation),
        next: next::of(situation),
    };
    explanation.text = text(&explanation, situation.now);
    explanation
}

fn doing(run: &Run) -> Doing {
    let step = run.step();
    let (step_since, attempt) = match run.phase {
        StepPhase::Ready => (None, 0),
        StepPhase::Started { attempt, at } => (Some(at), attempt),
    };
    let number = (run.index + 1).min(run.steps.len());
    let mut doing = Doing {
        activity: run.activity,
        since: run.started_at,
        step: step.map(|step| step.id.to_string()),
        step_number: number,
        steps: run.steps.len(),
        by: step.map(|step| step.by),
        step_since,
        attempt,
        clearing_up: run.failure.is_some(),
        text: String::new(),
    };
    doing.text = doing_text(&doing);
    doing
}

fn doing_text(doing: &Doing) -> String {
    let activity = super::flows::purpose(doing.activity);
    let place = match &doing.step {
        Some(step) => {
            let (number, steps) = (doing.step_number, doing.steps);
            let begun = if doing.step_since.is_some() {
                ""
            } else {
                " is next"
            };
            let again = match doing.attempt {
                0 | 1 => String::new(),
                attempt => format!(", for the {} time", ordinal(attempt)),
            };
            format!("step {number} of {steps}, {step},{begun}{again}")
                .replace(",,", ",")
                .trim_end_matches(',')
                .to_owned()
        }
        None => "all steps are done".to_owned(),
    };
    let clearing = if doing.clearing_up {
        "; it has failed, and the machine is being brought to rest"
    } else {
        ""
    };
    format!("It is {activity}: {place}{clearing}.")
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn lock(situation: &Situation<'_>) -> Lock {
    let node = situation.node;
    let conductor = node.ownership.as_ref().map(|owner| owner.conductor.clone());
    let reservation = node.reservation.as_ref();
    let text = match (&conductor, reservation, situation.locked) {
        (None, _, _) => "No conductor has the node yet.".to_owned(),
        (Some(owner), Some(held), _) => format!(
            "Conductor {} holds it for {} since {}; the node is {owner}'s.",
            held.conductor,
            held.purpose,
            time(held.since)
        ),
        (Some(owner), None, Locked::For(purpose)) => {
            format!("Conductor {owner} holds its lock at this moment, for {purpose}.")
        }
        (Some(owner), None, Locked::No) => {
            format!("Nobody holds it; the node is conductor {owner}'s.")
        }
        (Some(owner), None, Locked::Unknown) => format!(
            "The node is conductor {owner}'s, which could not be asked whether it holds its lock at this moment."
        ),
    };
    let locked_for = match situation.locked {
        Locked::For(purpose) => Some(purpose.clone()),
        Locked::No | Locked::Unknown => None,
    };
    Lock {
        conductor,
        owner: situation.owner,
        purpose: reservation.map(|held| held.purpose.clone()),
        since: reservation.map(|held| held.since),
        locked_for,
        text,
    }
}

fn text(explanation: &Explanation, now: Timestamp) -> String {
    let name = explanation
        .name
        .clone()
        .unwrap_or_else(|| explanation.node.to_string());
    let state = &explanation.state;
    let since = match state.since {
        Some(since) => format!(" since {} ({})", time(since), lasted(since, now)),
        None => String::new(),
    };
    let mut parts = vec![format!(
        "Node {name} is in the state {}{since}: {}",
        state.name, state.meaning
    )];
    parts.extend(explanation.doing.as_ref().map(|doing| doing.text.clone()));
    if let Some(wait) = &explanation.waits_for {
        parts.push(format!("{} {}", wait.text, wait.otherwise));
    }
    parts.push(explanation.lock.text.clone());
    if let Some(failure) = &explanation.last_failure {
        let message = failure.message.trim_end_matches('.');
        let at = failure.at;
        let at = at.map_or_else(String::new, |at| format!(" ({})", time(at)));
        parts.push(format!(
            "The last failure{at} was: {message}. {}",
            failure.remedy
        ));
    }
    parts.extend(explanation.notices.iter().map(|notice| notice.text.clone()));
    parts.extend(explanation.next.first().map(|next| next.text.clone()));
    parts.join(" ")
}

/// `2026-11-29 12:30:00 UTC`
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `45 s`, `12 min`, `3 h 5 min`, `2 days`.
fn lasted(since: Timestamp, until: Timestamp) -> String {
    let seconds = until.duration_since(since).as_secs().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}
