//! What a deploy would do, without doing any of it: nothing is stored, and neither BMC nor machine is asked.
//!
//! The facts are gathered in `gather`; everything else here is pure and makes findings of them, each a sentence with the
//! data that it is about.

mod agents;
mod disk;
mod durations;
mod gather;
mod image;
mod steps;

#[cfg(test)]
mod tests;

use super::requests::{RequestedStep, Validation};
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Object};
use ferric_model::verb::Verb;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub use steps::PlannedStep;

/// What is to be planned.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// `active` or `rebuild`.
    pub verb: Verb,
    /// `deploy_steps`, as for the deploy itself.
    pub steps: Vec<RequestedStep>,
    /// Taken in the place of what the node has under the same keys; stored nowhere.
    pub instance_info: Object,
}

#[derive(Debug, Serialize)]
pub struct Plan {
    pub node: NodeId,
    pub name: Option<String>,
    pub target: &'static str,
    /// The worst of the findings: with an error the deploy would be refused or would fail.
    pub verdict: Level,
    pub text: String,
    pub findings: Vec<Finding>,
    /// In order, with those that the agent had when it was asked last.
    pub steps: Vec<PlannedStep>,
    /// Of the steps whose duration is known.
    pub estimated_seconds: Option<u64>,
    /// Whose settings and image files this was worked out with.
    pub conductor: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Ok,
    Warning,
    Error,
}

#[derive(Debug, Serialize)]
pub struct Finding {
    /// `state`, `disk`, `image`, ...: each word means one kind of finding.
    pub about: &'static str,
    pub level: Level,
    pub text: String,
    pub data: Value,
}

impl Finding {
    fn ok(about: &'static str, text: impl Into<String>, data: Value) -> Self {
        Self::new(about, Level::Ok, text, data)
    }

    fn warning(about: &'static str, text: impl Into<String>, data: Value) -> Self {
        Self::new(about, Level::Warning, text, data)
    }

    fn error(about: &'static str, text: impl Into<String>, data: Value) -> Self {
        Self::new(about, Level::Error, text, data)
    }

    fn new(about: &'static str, level: Level, text: impl Into<String>, data: Value) -> Self {
        Self {
            about,
            level,
            text: text.into(),
            data,
        }
    }
}

/// Whether the node may be deployed at all where it is.
fn state(node: &Node, verb: Verb) -> Vec<Finding> {
    let state = node.provision_state;
    let data = json!({"provision_state": state, "maintenance": node.maintenance, "protected": node.protected});
    let mut findings = Vec::new();
    let mut refuse = |text: String| findings.push(Finding::error("state", text, data.clone()));
    if verb.on(state).is_err() {
        let states: Vec<_> = verb.allowed_from().map(|state| state.name()).collect();
        refuse(format!(
            "the node is in the state {state}, where {verb} is not allowed; it is in: {}",
            states.join(", ")
        ));
    }
    if node.maintenance {
        refuse("the node is in maintenance: end that first".to_owned());
    }
    if verb == Verb::Rebuild && node.protected {
        refuse("the node is protected: set protected to false first".to_owned());
    }
    if findings.is_empty() {
        let text = format!("the node is in the state {state}, from which it can be deployed");
        findings.push(Finding::ok("state", text, data));
    }
    findings
}

/// Without these four no deploy begins.
const NEEDED: [&str; 4] = ["power", "management", "boot", "deploy"];

/// What the interfaces say of `driver_info` and everything else that they need.
fn driver(node: &Node, validations: &BTreeMap<String, Validation>) -> Vec<Finding> {
    let wrong = validations
        .iter()
        .filter(|(_, validation)| validation.result == Some(false));
    let mut findings: Vec<Finding> = wrong
        .map(|(kind, validation)| {
            let is_needed = NEEDED.contains(&kind.as_str());
            let level = if is_needed {
                Level::Error
            } else {
                Level::Warning
            };
            let reason = validation.reason.as_deref().unwrap_or("no reason is given");
            let text = format!("the {kind} interface cannot be used: {reason}");
            let interface = node.interface(kind);
            Finding::new(
                "driver",
                level,
                text,
                json!({"kind": kind, "interface": interface, "reason": reason}),
            )
        })
        .collect();
    if findings.iter().all(|finding| finding.level != Level::Error) {
        let named: BTreeMap<_, _> = NEEDED
            .iter()
            .map(|kind| (*kind, node.interface(kind)))
            .collect();
        let text = format!("driver {} has everything that it needs", node.driver);
        findings.push(Finding::ok("driver", text, json!(named)));
    }
    findings
}

/// How the ramdisk gets onto the machine.
fn boot(node: &Node, sources: Result<[String; 2], String>) -> Finding {
    let method = node.interface("boot").unwrap_or("none");
    let mode = node.boot_mode.as_deref();
    if !["ipxe", "pxe", "http-ipxe"].contains(&method) {
        let text = format!("the boot interface is {method}: no ramdisk is given over the network");
        return Finding::ok(
            "boot",
            text,
            json!({"interface": method, "boot_mode": mode}),
        );
    }
    match sources {
        Ok([kernel, ramdisk]) => {
            let mode_text = mode.unwrap_or("a mode that is not known yet");
            let text = format!(
                "the machine boots from the network ({method}, {mode_text}): kernel {kernel}, ramdisk {ramdisk}"
            );
            let data = json!({"interface": method, "boot_mode": mode, "kernel": kernel, "ramdisk": ramdisk});
            Finding::ok("boot", text, data)
        }
        Err(reason) => {
            let text = format!("the machine cannot be given a ramdisk: {reason}");
            Finding::error(
                "boot",
                text,
                json!({"interface": method, "boot_mode": mode}),
            )
        }
    }
}

/// Whether there is room for one more deploy.
fn room(deploying: usize, limit: usize) -> Finding {
    let data = json!({"deploying": deploying, "limit": limit});
    if deploying < limit {
        let text = format!("{deploying} of {limit} deploys run at this moment");
        return Finding::ok("room", text, data);
    }
    let text = format!(
        "{deploying} deploys run already, which is the limit: it would be answered 503 now"
    );
    Finding::warning("room", text, data)
}

/// Whose settings and files were looked at.
fn place(node: &Node, host: &str) -> Option<Finding> {
    let owner = node
        .ownership
        .as_ref()
        .map(|owner| owner.conductor.as_str());
    if owner == Some(host) {
        return None;
    }
    let text = match owner {
        Some(owner) => format!(
            "this was worked out by conductor {host}; the deploy is conductor {owner}'s, whose settings and image files \
             may be others: ask that one to be sure"
        ),
        None => "no conductor has the node yet".to_owned(),
    };
    Some(Finding::warning(
        "conductor",
        text,
        json!({"asked": host, "owner": owner}),
    ))
}

fn text(node: &Node, findings: &[Finding], estimated_seconds: Option<u64>) -> String {
    let count = |level| {
        findings
            .iter()
            .filter(|finding| finding.level == level)
            .count()
    };
    let name = node.name.clone().unwrap_or_else(|| node.uuid.to_string());
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    let time = match estimated_seconds {
        Some(seconds) => format!(" It would take about {} min.", seconds.div_ceil(60)),
        None => String::new(),
    };
    match (errors, warnings) {
        (0, 0) => format!("Node {name} can be deployed.{time}"),
        (0, _) => format!("Node {name} can be deployed, with {warnings} warnings.{time}"),
        _ => {
            let first = findings
                .iter()
                .find(|finding| finding.level == Level::Error);
            let first = first.map_or("", |finding| finding.text.as_str());
            format!("Node {name} would not be deployed ({errors} errors): {first}.")
        }
    }
}

/// `480 GiB`, or with a digit behind the point where that says more.
fn gib(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    if tenths >= 1000 {
        format!("{} GiB", tenths / 10)
    } else {
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    }
}
