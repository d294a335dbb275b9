//! What can be done on a node, whoever does it: steps with what they can be told. Runs are composed of these.

use super::id;
use crate::conductor::requests::RequestedStep;
use ferric_agent_protocol::steps::StepSpec;
use ferric_drivers::{Argument, OfferedStep, StepFlow, check_arguments};
use ferric_model::arguments;
use ferric_model::node::Object;
use ferric_model::step::{Performer, Place, Recovery, Step, StepId};

/// A step that somebody offers.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::conductor) struct Offer {
    pub(in crate::conductor) id: StepId,
    /// Its place in automated flows; 0: only for those who ask for it.
    pub(in crate::conductor) priority: u32,
    pub(in crate::conductor) abortable: bool,
    pub(in crate::conductor) requires_ramdisk: bool,
    pub(in crate::conductor) reboot_requested: bool,
    pub(in crate::conductor) arguments: Arguments,
    pub(in crate::conductor) by: Performer,
    pub(in crate::conductor) recovery: Recovery,
}

/// What a step can be told.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::conductor) enum Arguments {
    /// As an agent says it; without it: nothing.
    Info(Option<Object>),
    /// As an interface of a driver declares it.
    Declared(&'static [Argument]),
}

impl Arguments {
    /// # Errors
    /// A sentence that says what is wrong and what is allowed.
    pub(in crate::conductor) fn check(&self, step: &StepId, args: &Object) -> Result<(), String> {
        match self {
            Self::Info(info) => {
                arguments::check(step, args, info.as_ref()).map_err(|error| error.to_string())
            }
            Self::Declared(declared) => check_arguments(&step.to_string(), declared, args)
                .map_err(|error| error.to_string()),
        }
    }
}

impl Offer {
    /// As the agent tells it.
    pub(in crate::conductor) fn of_agent(spec: &StepSpec) -> Self {
        Self {
            id: id(&spec.interface, &spec.step),
            priority: u32::try_from(spec.priority).unwrap_or(0),
            abortable: spec.abortable,
            requires_ramdisk: true,
            reboot_requested: spec.reboot_requested,
            arguments: Arguments::Info(spec.argsinfo.clone()),
            by: Performer::Agent,
            recovery: Recovery::AskAgent,
        }
    }

    /// As an agent has told it before: what it takes is known only when it is up.
    pub(in crate::conductor) fn remembered(id: StepId, priority: u32) -> Self {
        Self {
            id,
            priority,
            abortable: true,
            requires_ramdisk: true,
            reboot_requested: false,
            arguments: Arguments::Info(None),
            by: Performer::Agent,
            recovery: Recovery::AskAgent,
        }
    }

    /// As an interface of a driver lists it for this flow; `None`: it has no place there.
    pub(in crate::conductor) fn of_driver(step: &OfferedStep, flow: StepFlow) -> Option<Self> {
        let offer = step.offer(flow)?;
        Some(Self {
            id: id(step.interface.name(), step.name),
            priority: offer.priority,
            abortable: step.abortable,
            requires_ramdisk: offer.requires_ramdisk,
            reboot_requested: false,
            arguments: Arguments::Declared(step.arguments),
            by: Performer::Driver,
            // Every operation of a driver looks first how far the machine is.
            recovery: Recovery::RunAgain,
        })
    }

    /// A step of a run, with nothing told to it.
    pub(super) fn step(&self, priority: u32) -> Step {
        Step {
            id: self.id.clone(),
            priority,
            args: Object::new(),
            by: self.by,
            abortable: self.abortable,
            recovery: self.recovery,
            requires_ramdisk: self.requires_ramdisk,
            reboot_requested: self.reboot_requested,
            place: Place::Here,
        }
    }

    /// The step as it was asked for.
    pub(super) fn asked(&self, request: &RequestedStep) -> Result<Step, String> {
        self.arguments.check(&self.id, &request.args)?;
        Ok(Step {
            args: request.args.clone(),
            ..self.step(request.priority.unwrap_or(0))
        })
    }
}

/// The one of this name.
pub(super) fn find<'a>(offers: &'a [Offer], id: &StepId) -> Option<&'a Offer> {
    offers.iter().find(|offer| offer.id == *id)
}

/// The names, for sentences.
pub(super) fn names(offers: &[Offer]) -> String {
    let mut names: Vec<String> = offers.iter().map(|offer| offer.id.to_string()).collect();
    names.sort_unstable();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}
