//! Steps that somebody asked for by name: what they are, whether they may be done, and whether they can be.

use super::offer::{self, Offer};
use super::reserved::Reserved;
use super::{agent_step, id};
use crate::conductor::requests::{Origin, RequestedStep};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::step::{Performer, Place, Step, StepId};

/// Why a step that was asked for cannot be part of the run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::conductor) enum StepRequestError {
    #[error("the deploy step {0} needs a priority")]
    NoPriority(StepId),
    #[error("the deploy step deploy.deploy can only be disabled (priority 0), not changed")]
    Core,
    #[error("the deploy step {0} needs a priority below {limit}: the agent is not up before", limit = super::deploy::RAMDISK)]
    BeforeRamdisk(StepId),
    #[error("the step {0} is not allowed here: it stands in {1} of the configuration")]
    Denied(StepId, &'static str),
    #[error("{0}")]
    Arguments(String),
    #[error(
        "nobody offers the step {step} on this node, which has no agent; there are: {offered}, and power_on, power_off, reboot, hold, wait"
    )]
    NotOffered { step: StepId, offered: String },
    #[error("the step {0} needs the ramdisk: leave disable_ramdisk out")]
    NeedsRamdisk(StepId),
    #[error(
        "the step {0} needs the agent, and a power_off comes before it: put a power_on or reboot in between"
    )]
    PoweredOff(StepId),
    #[error("the step {0} would switch the machine off, and disable_power_off is set on the node")]
    PowerOffDisabled(StepId),
    #[error(
        "the step {0} cannot be done on child nodes: only power_on, power_off, reboot and out-of-band steps can"
    )]
    NotForChildren(StepId),
    #[error("{child} is not a child of this node; its children are: {children}")]
    NotAChild { child: NodeId, children: String },
    #[error("the child node {child} does not offer the step {step}; it offers: {offered}")]
    NotOfferedByChild {
        child: NodeId,
        step: StepId,
        offered: String,
    },
    #[error("the deploy templates {0} and {1} both have the step {2}: leave one of the traits out")]
    Twice(String, String, StepId),
}

/// Whether in-band steps can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conductor) enum InBand {
    /// The ramdisk is booted where it is needed.
    Possible,
    /// `disable_ramdisk`.
    Disabled,
    /// The deploy interface boots none.
    Missing,
}

/// A child node and what can be done on it out of band.
#[derive(Clone, Debug)]
pub(in crate::conductor) struct Child {
    pub(in crate::conductor) node: NodeId,
    pub(in crate::conductor) offers: Vec<Offer>,
}

/// What steps can be taken from, and what is forbidden.
#[derive(Clone, Copy, Debug)]
pub(in crate::conductor) struct Rules<'a> {
    /// The driver's.
    pub(in crate::conductor) offers: &'a [Offer],
    pub(in crate::conductor) children: &'a [Child],
    pub(in crate::conductor) denied: &'a [String],
    /// The name of the setting that denies.
    pub(in crate::conductor) denied_by: &'static str,
    pub(in crate::conductor) in_band: InBand,
}

impl Rules<'_> {
    pub(super) fn is_denied(&self, step: &StepId) -> bool {
        self.denied.contains(&step.to_string())
    }

    /// The step that was asked for, as it stands alone. `None`: left out, because it is forbidden and no client is
    /// there to be told so.
    pub(super) fn resolve(
        &self,
        node: &Node,
        request: &RequestedStep,
        origin: Origin,
    ) -> Result<Option<Step>, StepRequestError> {
        let wanted = id(&request.interface, &request.step);
        if self.is_denied(&wanted) {
            return match origin {
                Origin::Client => Err(StepRequestError::Denied(wanted, self.denied_by)),
                Origin::Stored => Ok(None),
            };
        }
        let step = match &request.on_children {
            Some(only) => self.on_children(request, wanted, only)?,
            None => self.here(node, request, wanted)?,
        };
        if step.needs_agent() && self.in_band == InBand::Disabled {
            return Err(StepRequestError::NeedsRamdisk(step.id));
        }
        Ok(Some(step))
    }

    fn here(
        &self,
        node: &Node,
        request: &RequestedStep,
        wanted: StepId,
    ) -> Result<Step, StepRequestError> {
        if let Some(reserved) = Reserved::of(&request.step) {
            if reserved == Reserved::PowerOff && node.disable_power_off {
                return Err(StepRequestError::PowerOffDisabled(wanted));
            }
            return of_reserved(reserved, request, &wanted);
        }
        if let Some(offer) = offer::find(self.offers, &wanted) {
            return offer.asked(request).map_err(StepRequestError::Arguments);
        }
        if self.in_band == InBand::Missing {
            return Err(StepRequestError::NotOffered {
                step: wanted,
                offered: offer::names(self.offers),
            });
        }
        // Whether the agent has it is known when the agent is up.
        Ok(Step {
            args: request.args.clone(),
            ..agent_step(
                &request.interface,
                &request.step,
                request.priority.unwrap_or(0),
            )
        })
    }

    fn on_children(
        &self,
        request: &RequestedStep,
        wanted: StepId,
        only: &[NodeId],
    ) -> Result<Step, StepRequestError> {
        for child in only {
            if self.children.iter().all(|known| known.node != *child) {
                let children = self.children.iter().map(|child| child.node.to_string());
                let children = children.collect::<Vec<_>>().join(", ");
                return Err(StepRequestError::NotAChild {
                    child: *child,
                    children,
                });
            }
        }
        let step = match Reserved::of(&request.step) {
            Some(reserved) if reserved.is_of_power() => of_reserved(reserved, request, &wanted)?,
            Some(_) => return Err(StepRequestError::NotForChildren(wanted)),
            None => self.of_children(request, &wanted, only)?,
        };
        let place = Place::Children {
            only: only.to_vec(),
        };
        Ok(Step { place, ..step })
    }

    fn of_children(
        &self,
        request: &RequestedStep,
        wanted: &StepId,
        only: &[NodeId],
    ) -> Result<Step, StepRequestError> {
        let is_meant = |child: &&Child| only.is_empty() || only.contains(&child.node);
        let mut step = None;
        for child in self.children.iter().filter(is_meant) {
            let offer = offer::find(&child.offers, wanted).ok_or_else(|| {
                StepRequestError::NotOfferedByChild {
                    child: child.node,
                    step: wanted.clone(),
                    offered: offer::names(&child.offers),
                }
            })?;
            let asked = offer.asked(request);
            step = Some(asked.map_err(StepRequestError::Arguments)?);
        }
        step.ok_or_else(|| StepRequestError::NotForChildren(wanted.clone()))
    }
}

fn of_reserved(
    reserved: Reserved,
    request: &RequestedStep,
    wanted: &StepId,
) -> Result<Step, StepRequestError> {
    let checked = reserved.check(wanted, &request.args);
    let step = checked.and_then(|()| reserved.offer(wanted).asked(request));
    step.map_err(StepRequestError::Arguments)
}

/// A list for manual cleaning or service, in the order given.
///
/// # Errors
/// [`StepRequestError`] names the step.
pub(in crate::conductor) fn listed(
    node: &Node,
    rules: &Rules<'_>,
    requested: &[RequestedStep],
    origin: Origin,
) -> Result<Vec<Step>, StepRequestError> {
    let steps = requested
        .iter()
        .filter_map(|request| rules.resolve(node, request, origin).transpose());
    let steps: Vec<Step> = steps.collect::<Result<_, _>>()?;
    refuse_powered_off(&steps)?;
    Ok(steps)
}

/// A machine that a step has switched off runs no agent.
pub(super) fn refuse_powered_off(steps: &[Step]) -> Result<(), StepRequestError> {
    let mut off = false;
    for step in steps.iter().filter(|step| step.place == Place::Here) {
        match Reserved::of(&step.id.step).filter(|_| step.by == Performer::Reserved) {
            Some(Reserved::PowerOff) => off = true,
            Some(Reserved::PowerOn | Reserved::Reboot) => off = false,
            Some(Reserved::Hold | Reserved::Wait) => {}
            None if off && step.needs_agent() => {
                return Err(StepRequestError::PoweredOff(step.id.clone()));
            }
            None => {}
        }
    }
    Ok(())
}

/// Whether the ramdisk must be booted for these.
pub(in crate::conductor) fn need_ramdisk(steps: &[Step]) -> bool {
    steps.iter().any(Step::needs_agent)
}
