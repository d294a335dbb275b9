//! Steps as data: what is to be done, in which order, and how to find out after a crash whether it was.

use crate::ids::NodeId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::cmp::Reverse;
use std::fmt;

/// `deploy.write_image`: what identifies a step within a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepId {
    pub interface: String,
    pub step: String,
}

impl StepId {
    pub fn new(interface: &str, step: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            step: step.to_owned(),
        }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.interface, self.step)
    }
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    #[serde(flatten)]
    pub id: StepId,
    pub priority: u32,
    pub args: Map<String, Value>,
    pub by: Performer,
    pub abortable: bool,
    pub recovery: Recovery,
    /// The agent must be up for it.
    #[serde(default = "is_true")]
    pub requires_ramdisk: bool,
    /// The machine must boot again after it.
    #[serde(default)]
    pub reboot_requested: bool,
    #[serde(default)]
    pub place: Place,
}

/// What runs were stored with before steps said so themselves.
fn is_true() -> bool {
    true
}

/// On which machine a step is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The node's own.
    #[default]
    Here,
    /// Those of its child nodes, or of these only: becomes a step for each of them.
    Children { only: Vec<NodeId> },
    /// That of one child node.
    Child(NodeId),
}

/// Who does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Performer {
    /// The conductor, for its own ends: nobody can ask for it.
    Conductor,
    /// The conductor, for anybody who lists it: power, hold and wait.
    Reserved,
    /// The conductor through an interface of the driver: out of band.
    Driver,
    /// The agent: in band.
    Agent,
}

/// What a conductor does that finds the step started and does not know its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Doing it twice is the same as doing it once.
    RunAgain,
    /// The agent's command list says whether it was started and how it ended; not in the list means not started.
    AskAgent,
    /// It must not be done twice and nobody can tell: the run fails with that cause.
    Fail,
}

impl Step {
    /// Whether it is done with the agent's help on the node's own machine.
    pub fn needs_agent(&self) -> bool {
        self.place == Place::Here && (self.by == Performer::Agent || self.requires_ramdisk)
    }
}

/// Deploy, clean and service steps: highest priority first; ties by interface (vendor, power, management, firmware, deploy, bios, raid), then by name.
pub fn order(steps: &mut [Step]) {
    steps.sort_by(|left, right| key(left, interface_rank).cmp(&key(right, interface_rank)));
}

/// Verify steps: as `order`, with the interfaces ranked otherwise (power, management, firmware, inspect, ...).
pub fn order_verify(steps: &mut [Step]) {
    steps.sort_by(|left, right| key(left, verify_rank).cmp(&key(right, verify_rank)));
}

fn key(step: &Step, rank: fn(&str) -> u32) -> (Reverse<u32>, Reverse<u32>, &str) {
    (
        Reverse(step.priority),
        Reverse(rank(&step.id.interface)),
        &step.id.step,
    )
}

fn verify_rank(interface: &str) -> u32 {
    match interface {
        "power" => 13,
        "management" => 12,
        "firmware" => 11,
        "inspect" => 10,
        "deploy" => 9,
        "boot" => 8,
        "bios" => 7,
        "raid" => 6,
        "vendor" => 5,
        "network" => 4,
        "storage" => 3,
        "console" => 2,
        "rescue" => 1,
        _ => 0,
    }
}

fn interface_rank(interface: &str) -> u32 {
    match interface {
        "network" => 8,
        "vendor" => 7,
        "power" => 6,
        "management" => 5,
        "firmware" => 4,
        "deploy" => 3,
        "bios" => 2,
        "raid" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn step(interface: &str, name: &str, priority: u32) -> Step {
        Step {
            id: StepId::new(interface, name),
            priority,
            args: Map::new(),
            by: Performer::Conductor,
            abortable: false,
            recovery: Recovery::RunAgain,
            requires_ramdisk: false,
            reboot_requested: false,
            place: Place::Here,
        }
    }

    #[test]
    fn verify_steps_have_an_order_of_their_own() {
        let kinds = [
            "rescue",
            "console",
            "storage",
            "network",
            "vendor",
            "raid",
            "bios",
            "boot",
            "deploy",
            "inspect",
            "firmware",
            "management",
            "power",
        ];
        let mut steps: Vec<Step> = kinds.iter().map(|kind| step(kind, "x", 1)).collect();
        steps.push(step("rescue", "y", 2));
        order_verify(&mut steps);
        let found: Vec<&str> = steps
            .iter()
            .map(|step| step.id.interface.as_str())
            .collect();
        let mut expected = vec!["rescue"];
        expected.extend(kinds.iter().rev());
        assert_eq!(found, expected);
    }

    #[test]
    fn steps_stored_before_they_had_a_place_are_read() {
        let old = serde_json::json!({"interface": "deploy", "step": "a", "priority": 1, "args": {},
            "by": "agent", "abortable": true, "recovery": "ask_agent"});
        let read: Step = serde_json::from_value(old).unwrap();
        assert!(read.requires_ramdisk && !read.reboot_requested && read.place == Place::Here);
        for place in [
            Place::Here,
            Place::Children {
                only: vec![NodeId(uuid::Uuid::nil())],
            },
            Place::Child(NodeId(uuid::Uuid::nil())),
        ] {
            let step = Step {
                place,
                ..read.clone()
            };
            let written = serde_json::to_value(&step).unwrap();
            assert_eq!(serde_json::from_value::<Step>(written).unwrap(), step);
        }
    }

    fn check(steps: &[(&str, &str, u32)], expected: &str) {
        let made = steps.iter();
        let mut steps: Vec<Step> = made
            .map(|(on, name, priority)| step(on, name, *priority))
            .collect();
        order(&mut steps);
        let names: Vec<String> = steps.iter().map(|step| step.id.to_string()).collect();
        assert_eq!(names.join(" "), expected);
    }

    #[test]
    fn priority_then_interface_then_name() {
        check(
            &[("raid", "a", 10), ("power", "b", 10), ("deploy", "c", 90)],
            "deploy.c power.b raid.a",
        );
        check(
            &[
                ("raid", "x", 5),
                ("bios", "x", 5),
                ("deploy", "x", 5),
                ("firmware", "x", 5),
                ("management", "x", 5),
                ("power", "x", 5),
                ("vendor", "x", 5),
                ("console", "x", 5),
            ],
            "vendor.x power.x management.x firmware.x deploy.x bios.x raid.x console.x",
        );
        check(
            &[("deploy", "b", 5), ("deploy", "a", 5), ("deploy", "c", 6)],
            "deploy.c deploy.a deploy.b",
        );
    }

    fn any_step() -> impl Strategy<Value = Step> {
        let interface = prop_oneof![Just("power"), Just("deploy"), Just("raid"), Just("odd")];
        (interface, "[ab]", 0..3u32)
            .prop_map(|(interface, name, priority)| step(interface, &name, priority))
    }

    proptest! {
        #[test]
        fn ordering_loses_nothing_and_keeps_equals_as_they_stood(
            mut steps in proptest::collection::vec(any_step(), 0..12)
        ) {
            for (place, step) in steps.iter_mut().enumerate() {
                step.args.insert("place".to_owned(), place.into());
            }
            let before = steps.clone();
            order(&mut steps);
            prop_assert_eq!(steps.len(), before.len());
            prop_assert!(before.iter().all(|step| steps.contains(step)));
            for pair in steps.windows(2) {
                let [left, right] = pair else { unreachable!("windows of two") };
                prop_assert!(left.priority >= right.priority);
                if left.priority == right.priority && left.id == right.id {
                    prop_assert!(left.args["place"].as_u64() < right.args["place"].as_u64());
                }
            }
        }

        #[test]
        fn the_order_of_what_is_told_apart_is_one(
            steps in proptest::collection::vec(any_step(), 0..12)
        ) {
            let mut forwards = steps.clone();
            let mut backwards: Vec<Step> = steps.into_iter().rev().collect();
            order(&mut forwards);
            order(&mut backwards);
            prop_assert_eq!(forwards, backwards);
        }
    }
}
