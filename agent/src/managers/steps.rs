//! The steps of all managers: what one may offer, and who has a step that several offer.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ferric_agent_protocol::steps::{StepKind, StepSpec};

use super::Manager;

/// Ironic sorts steps by these, and fails on any other.
const INTERFACES: [&str; 7] = [
    "bios",
    "deploy",
    "firmware",
    "management",
    "power",
    "raid",
    "vendor",
];

/// All steps of one manager.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The name that the list has for it.
    pub name: String,
    pub support: u32,
    /// None if it is the built-in one.
    pub manager: Option<Arc<Manager>>,
    pub steps: Vec<StepSpec>,
}

/// What a manager lists must be of use to a conductor.
pub(crate) fn check_steps(kind: StepKind, steps: &[StepSpec]) -> Result<(), String> {
    let mut names = BTreeSet::new();
    for spec in steps {
        let (step, interface) = (&spec.step, spec.interface.as_str());
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if step.is_empty() || !step.bytes().all(is_letter) {
            return Err(format!(
                "the name of a step has letters, digits, dashes and underscores, and this is {step:?}"
            ));
        }
        let is_known = INTERFACES.contains(&interface)
            || (interface == "network" && kind == StepKind::Service);
        if !is_known {
            let known = INTERFACES.join(", ");
            return Err(format!(
                "the interface of step {step} must be one of {known} (and network, in service), not {interface:?}"
            ));
        }
        if spec.priority < 0 {
            return Err(format!("the priority of step {step} is below 0"));
        }
        let mut arguments = spec.argsinfo.iter().flatten();
        if let Some((name, _)) = arguments.find(|(_, about)| !about.is_object()) {
            return Err(format!(
                "the argument {name} of step {step} must be described by an object, such as {{\"required\": false}}"
            ));
        }
        if !names.insert(step) {
            return Err(format!("step {step} is listed twice"));
        }
    }
    Ok(())
}

/// Leaves each step to one manager: that with the highest support, among them that with the highest priority, among them
/// that whose name comes first.
#[must_use]
pub fn deduplicate(mut offers: Vec<Offer>) -> Vec<Offer> {
    let rank = |(name, support): &(String, u32), spec: &StepSpec| {
        (Reverse(*support), Reverse(spec.priority), name.clone())
    };
    let mut first = BTreeMap::new();
    for offer in &offers {
        let manager = (offer.name.clone(), offer.support);
        for spec in &offer.steps {
            let own = rank(&manager, spec);
            let other = first
                .entry(spec.step.clone())
                .or_insert_with(|| own.clone());
            if own < *other {
                *other = own;
            }
        }
    }
    for offer in &mut offers {
        let manager = (offer.name.clone(), offer.support);
        let is_first = |spec: &StepSpec| first.get(&spec.step) == Some(&rank(&manager, spec));
        offer.steps.retain(is_first);
    }
    offers
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn spec(step: &str, priority: i64) -> StepSpec {
        let value = json!({"step": step, "interface": "deploy", "priority": priority});
        serde_json::from_value(value).unwrap()
    }

    fn offer(name: &str, support: u32, steps: &[(&str, i64)]) -> Offer {
        Offer {
            name: name.to_owned(),
            support,
            manager: None,
            steps: steps.iter().map(|(name, at)| spec(name, *at)).collect(),
        }
    }

    fn check(offers: Vec<Offer>, expected: &[&str]) {
        let left = deduplicate(offers);
        let found: Vec<String> = left
            .iter()
            .flat_map(|offer| {
                let with_name = |spec: &StepSpec| format!("{}.{}", offer.name, spec.step);
                offer.steps.iter().map(with_name)
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn support_wins_over_priority_and_priority_over_the_name() {
        check(
            vec![
                offer("a", 1, &[("erase", 99), ("flash", 5), ("test", 7)]),
                offer("b", 2, &[("erase", 0)]),
                offer("c", 1, &[("flash", 6), ("test", 7), ("own", 0)]),
            ],
            &["a.test", "b.erase", "c.flash", "c.own"],
        );
        let same = |name| offer(name, 3, &[("x", 1)]);
        check(vec![same("b"), same("a")], &["a.x"]);
        check(vec![same("B"), same("a")], &["B.x"]);
    }

    fn refused(kind: StepKind, steps: &Value, expected: &str) {
        let steps: Vec<StepSpec> = serde_json::from_value(steps.clone()).unwrap();
        let text = check_steps(kind, &steps).unwrap_err();
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn steps_that_would_break_a_conductor_are_refused() {
        let step = |name: &str, interface: &str| json!({"step": name, "interface": interface});
        let clean = StepKind::Clean;
        refused(clean, &json!([step("", "deploy")]), "this is \"\"");
        refused(clean, &json!([step("a b", "deploy")]), "this is \"a b\"");
        refused(clean, &json!([step("a", "fan")]), "not \"fan\"");
        refused(clean, &json!([step("a", "network")]), "not \"network\"");
        let twice = json!([step("a", "raid"), step("a", "deploy")]);
        refused(clean, &twice, "listed twice");
        let low = json!([{"step": "a", "interface": "deploy", "priority": -1}]);
        refused(clean, &low, "below 0");
        let argument = json!([{"step": "a", "interface": "bios", "argsinfo": {"url": "Where."}}]);
        refused(clean, &argument, "the argument url of step a must be");
        let network: Vec<StepSpec> = serde_json::from_value(json!([step("a", "network")])).unwrap();
        assert_eq!(check_steps(StepKind::Service, &network), Ok(()));
    }
}
