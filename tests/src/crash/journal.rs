//! Where in its deploy a node was at some moment: from its timeline, which is what the conductor had stored until then,
//! and from what the world had seen. Pure.

use ferric_tests::played::deploy::at;
use jiff::Timestamp;
use serde_json::Value;

/// Between which two things a conductor was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gap {
    /// The step before was stored as done, nothing of this one.
    BeforeIntent,
    /// The intent is stored, and nobody outside has noticed anything.
    BeforeEffect,
    /// Something has happened outside, and what came of it is not stored.
    BeforeResult,
    /// The machine works on it, and that is stored; the step's end is not.
    Waiting,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// The request was not accepted yet.
    NotAccepted,
    Step(String, Gap),
    /// All steps are done, the node is not active yet.
    Finishing,
    Over,
}

/// How far a run has come by its events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Run {
    begun: bool,
    over: bool,
    /// The last step that was stored as done.
    done: Option<String>,
    /// The step that was begun and not stored as done.
    pub(crate) open: Option<Open>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) step: String,
    /// When the last attempt's intent was stored.
    pub(crate) since: Timestamp,
    waits: bool,
}

impl Run {
    pub(crate) fn of<'a>(events: impl IntoIterator<Item = &'a Value>) -> Self {
        events.into_iter().fold(Self::default(), Self::on)
    }

    fn on(mut self, event: &Value) -> Self {
        match event["event"].as_str().unwrap_or_default() {
            "state_changed" => match event["to"].as_str().unwrap_or_default() {
                "active" => self.over = true,
                "deploying" => {
                    self.begun = true;
                    if let Some(open) = &mut self.open {
                        open.waits = false;
                    }
                }
                "wait call-back" => {
                    if let Some(open) = &mut self.open {
                        open.waits = true;
                    }
                }
                _ => {}
            },
            "step_started" => {
                self.open = Some(Open {
                    step: name(&event["step"]),
                    since: at(event).unwrap_or(Timestamp::UNIX_EPOCH),
                    waits: false,
                });
            }
            "step_done" => {
                self.done = Some(name(&event["step"]));
                self.open = None;
            }
            _ => {}
        }
        self
    }

    /// `steps` are those of a deploy, in order; `has_effect` says whether the world has noticed the open step.
    pub(crate) fn place(&self, steps: &[String], has_effect: bool) -> Place {
        if self.over {
            return Place::Over;
        }
        if !self.begun {
            return Place::NotAccepted;
        }
        if let Some(open) = &self.open {
            let gap = match (open.waits, has_effect) {
                (true, _) => Gap::Waiting,
                (false, true) => Gap::BeforeResult,
                (false, false) => Gap::BeforeEffect,
            };
            return Place::Step(open.step.clone(), gap);
        }
        let next = match &self.done {
            None => 0,
            Some(done) => steps
                .iter()
                .position(|step| step == done)
                .map_or(0, |place| place + 1),
        };
        match steps.get(next) {
            Some(step) => Place::Step(step.clone(), Gap::BeforeIntent),
            None => Place::Finishing,
        }
    }
}

/// The steps in the order in which they were begun.
pub(crate) fn steps(events: &[Value]) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for event in events {
        let step = name(&event["step"]);
        if event["event"] == "step_started" && !steps.contains(&step) {
            steps.push(step);
        }
    }
    steps
}

fn name(step: &Value) -> String {
    let text = |key: &str| step[key].as_str().unwrap_or_default();
    format!("{}.{}", text("interface"), text("step"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn place(events: &[Value], has_effect: bool) -> Place {
        let steps = ["power.off", "deploy.deploy"].map(str::to_owned);
        Run::of(events).place(&steps, has_effect)
    }

    fn changed(to: &str) -> Value {
        json!({"event": "state_changed", "to": to})
    }

    fn step(event: &str, interface: &str, step: &str) -> Value {
        json!({"event": event, "step": {"interface": interface, "step": step}, "at": "2026-01-01T00:00:00.5+00:00"})
    }

    #[test]
    fn each_event_leads_to_its_gap() {
        let story = [
            (changed("deploying"), "power.off", Gap::BeforeIntent),
            (
                step("step_started", "power", "off"),
                "power.off",
                Gap::BeforeEffect,
            ),
            (
                step("step_done", "power", "off"),
                "deploy.deploy",
                Gap::BeforeIntent,
            ),
            (
                step("step_started", "deploy", "deploy"),
                "deploy.deploy",
                Gap::BeforeEffect,
            ),
            (changed("wait call-back"), "deploy.deploy", Gap::Waiting),
        ];
        let mut events = Vec::new();
        assert_eq!(place(&events, false), Place::NotAccepted);
        for (event, name, gap) in story {
            events.push(event);
            assert_eq!(place(&events, false), Place::Step(name.to_owned(), gap));
        }
        let at_effect = Place::Step("deploy.deploy".to_owned(), Gap::BeforeResult);
        assert_eq!(place(&events[..4], true), at_effect);
        events.push(step("step_done", "deploy", "deploy"));
        events.push(changed("deploying"));
        assert_eq!(place(&events, false), Place::Finishing);
        events.push(changed("active"));
        assert_eq!(place(&events, false), Place::Over);
        assert_eq!(steps(&events), ["power.off", "deploy.deploy"]);
    }
}
