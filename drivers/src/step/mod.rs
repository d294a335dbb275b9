//! The steps that interfaces offer, as data: what they are called, in which flows they stand, and what they take.
//!
//! Nothing here runs a step. Each implementation lists its own steps in its own file; [`Drivers::steps`] gathers those
//! of a node. Names, priorities and arguments are Ironic's.

mod arguments;
pub(crate) mod standard;
#[cfg(test)]
mod tests;

pub use arguments::{Argument, ArgumentError, ArgumentType, Need, check_arguments};

use crate::{Drivers, InterfaceKind, Interfaces, fake, redfish};

/// The flows that are made of steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepFlow {
    /// Automated and manual cleaning.
    Clean,
    /// Deployment.
    Deploy,
    /// Servicing of a deployed machine.
    Service,
    /// Verification on the way to `manageable`.
    Verify,
}

impl StepFlow {
    /// Every flow.
    pub const ALL: [StepFlow; 4] = [Self::Clean, Self::Deploy, Self::Service, Self::Verify];
}

/// A step in one flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The flow.
    pub flow: StepFlow,
    /// Where it stands among the others, highest first; 0: only when asked for.
    pub priority: u32,
    /// Whether the ramdisk must run on the machine meanwhile.
    pub requires_ramdisk: bool,
}

impl Offer {
    /// A step that is done with the ramdisk running.
    pub(crate) const fn with_ramdisk(flow: StepFlow, priority: u32) -> Self {
        Self {
            flow,
            priority,
            requires_ramdisk: true,
        }
    }

    /// A step that the BMC does whatever runs on the machine.
    pub(crate) const fn without_ramdisk(flow: StepFlow, priority: u32) -> Self {
        Self {
            flow,
            priority,
            requires_ramdisk: false,
        }
    }
}

/// A step that an interface offers.
#[derive(Debug, PartialEq, Eq)]
pub struct OfferedStep {
    /// The interface; its name is the step's `interface`.
    pub interface: InterfaceKind,
    /// The step's name.
    pub name: &'static str,
    /// The flows in which it is offered, each once.
    pub offers: &'static [Offer],
    /// What it takes.
    pub arguments: &'static [Argument],
    /// Whether it may be broken off between its beginning and its end.
    pub abortable: bool,
}

impl OfferedStep {
    /// How the step stands in a flow; `None`: it is not offered there.
    pub fn offer(&self, flow: StepFlow) -> Option<Offer> {
        self.offers.iter().copied().find(|offer| offer.flow == flow)
    }
}

impl Drivers {
    /// Every step that a node's interfaces offer, in the order of the interfaces' names.
    pub fn steps(interfaces: &Interfaces) -> Vec<&'static OfferedStep> {
        let offered = interfaces
            .iter()
            .flat_map(|(kind, implementation)| offered_by(kind, implementation));
        offered.collect()
    }
}

fn offered_by(kind: InterfaceKind, implementation: &str) -> Vec<&'static OfferedStep> {
    let all = match implementation {
        "fake" => fake::STEPS,
        "redfish" => redfish::STEPS,
        _ => &[],
    };
    all.iter().filter(|step| step.interface == kind).collect()
}
