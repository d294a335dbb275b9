//! What becomes of a run once the agent has told its steps: those that were asked for are checked against it, those
//! that come by themselves are put in.

use super::offer::{self, Offer};
use super::{deploy, id};
use crate::config::Steps;
use ferric_model::run::{Activity, Run};
use ferric_model::step::{Performer, Place, Step, order};
use serde_json::Value;

/// The note of a run whose steps came from a runbook: its name.
pub(in crate::conductor) const RUNBOOK: &str = "runbook";
/// The note of a run for which steps were taken out (priority 0): their names.
pub(in crate::conductor) const DISABLED: &str = "disabled_steps";

/// Everything that can be done now.
#[derive(Clone, Copy, Debug)]
pub(in crate::conductor) struct Told<'a> {
    pub(in crate::conductor) agent: &'a [Offer],
    /// An out-of-band step hides the agent's of the same name.
    pub(in crate::conductor) driver: &'a [Offer],
    pub(in crate::conductor) settings: &'a Steps,
}

impl Told<'_> {
    /// The run's steps from now on.
    ///
    /// # Errors
    /// A sentence that names a step that was asked for and cannot be done, and says what is offered.
    pub(in crate::conductor) fn steps(&self, run: &Run) -> Result<Vec<Step>, String> {
        let mut steps = run.steps.clone();
        let left = steps.split_off(steps.len().min(run.index + 1));
        let left = left.into_iter().map(|step| self.confirmed(run, step));
        let mut left: Vec<Step> = left.collect::<Result<_, _>>()?;
        match run.activity {
            // Asked again in the middle it only says whether what is left can be done still.
            Activity::Clean if !run.agent_steps_known && !run.notes.contains_key(RUNBOOK) => {
                let mut own = automated_clean(self.settings, self.visible());
                own.append(&mut left);
                left = own;
            }
            Activity::Deploy | Activity::Rebuild => {
                left.extend(self.agents_deploy_steps(run));
                order(&mut left);
            }
            _ => {}
        }
        steps.append(&mut left);
        Ok(steps)
    }

    /// The steps of a deploy that has not begun, if its agent tells the same as this one. Nothing is checked, as what the
    /// steps take may have changed. A deploy that asks no agent stays as it is.
    pub(in crate::conductor) fn foreseen(&self, run: &Run) -> Vec<Step> {
        let mut steps = run.steps.clone();
        let question = id("agent", "get_steps");
        let Some(question) = steps.iter().position(|step| step.id == question) else {
            return steps;
        };
        let mut left = steps.split_off(question + 1);
        left.extend(self.agents_deploy_steps(run));
        order(&mut left);
        steps.append(&mut left);
        steps
    }

    /// The driver's, and the agent's that are not hidden by them.
    fn visible(&self) -> impl Iterator<Item = &Offer> {
        let hidden = |offer: &&Offer| offer::find(self.driver, &offer.id).is_none();
        self.driver.iter().chain(self.agent.iter().filter(hidden))
    }

    /// A step of the agent with what the agent says of it.
    fn confirmed(&self, run: &Run, step: Step) -> Result<Step, String> {
        if step.by != Performer::Agent || step.place != Place::Here {
            return Ok(step);
        }
        let Some(offer) = offer::find(self.agent, &step.id) else {
            return Err(format!(
                "the agent does not offer the {} step {}; it offers: {}",
                super::kind(run.activity).name(),
                step.id,
                offer::names(self.agent)
            ));
        };
        // The conductor's own: it puts in what is to be written, and an abort of a deploy waits for nobody.
        if deploy::is_write_image(&step.id) {
            return Ok(step);
        }
        offer.arguments.check(&step.id, &step.args)?;
        Ok(Step {
            abortable: offer.abortable,
            reboot_requested: offer.reboot_requested,
            ..step
        })
    }

    /// Those with a priority that nobody else has named.
    fn agents_deploy_steps<'a>(&'a self, run: &'a Run) -> impl Iterator<Item = Step> + 'a {
        let disabled = run.notes.get(DISABLED).and_then(Value::as_array);
        let is_disabled = move |offer: &Offer| {
            let name = offer.id.to_string();
            disabled.is_some_and(|names| names.iter().any(|disabled| *disabled == name))
        };
        let is_known = |offer: &Offer| run.steps.iter().any(|step| step.id == offer.id);
        let denied = &self.settings.disallow_deploy_steps;
        self.agent
            .iter()
            .filter(move |offer| {
                offer.priority > 0
                    && !is_known(offer)
                    && !is_disabled(offer)
                    && !denied.contains(&offer.id.to_string())
                    && offer::find(self.driver, &offer.id).is_none()
            })
            .map(|offer| offer.step(offer.priority.min(deploy::RAMDISK - 1)))
    }
}

/// What automated cleaning does: everything with a priority that is not forbidden, highest first.
pub(super) fn automated_clean<'a>(
    settings: &Steps,
    offers: impl Iterator<Item = &'a Offer>,
) -> Vec<Step> {
    let steps = offers.filter_map(|offer| {
        let priority = settings.clean_priority(&offer.id, offer.priority);
        let denied = settings
            .disallow_clean_steps
            .contains(&offer.id.to_string());
        (priority > 0 && !denied).then(|| offer.step(priority))
    });
    let mut steps: Vec<Step> = steps.collect();
    order(&mut steps);
    // Several hardware managers may offer the same: the first one stands for all.
    let mut known = Vec::new();
    steps.retain(|step| {
        let is_new = !known.contains(&step.id);
        known.push(id(&step.id.interface, &step.id.step));
        is_new
    });
    steps
}
