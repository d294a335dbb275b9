//! Deploying: Ironic's steps with its priorities, the driver's, those of deploy templates and those that were asked for.

use super::offer::Offer;
use super::requested::{InBand, Rules, StepRequestError, refuse_powered_off};
use super::told::DISABLED;
use super::{agent_step, for_node, id, ramdisk_step, step};
use crate::conductor::requests::{Origin, RequestedStep};
use ferric_model::node::{Node, Object};
use ferric_model::recipe::DeployTemplate;
use ferric_model::step::{Performer, Step, StepId, order};
use serde_json::json;

/// The priority of `deploy.deploy`, which boots the ramdisk: no step of the agent can come before it.
pub(super) const RAMDISK: u32 = 100;

/// The steps of every deploy, highest priority first.
pub(super) fn direct() -> Vec<Step> {
    vec![
        step("deploy", "check_image", 102),
        step("power", "off", 101),
        step("deploy", "deploy", RAMDISK),
        ramdisk_step("agent", "get_steps", RAMDISK),
        agent_step("deploy", "write_image", 80),
        ramdisk_step("deploy", "prepare_instance_boot", 60),
        step("deploy", "tear_down_agent", 40),
        step("deploy", "switch_to_tenant_network", 30),
        step("deploy", "boot_instance", 20),
    ]
}

pub(in crate::conductor) fn is_write_image(step: &StepId) -> bool {
    *step == id("deploy", "write_image")
}

/// Steps that clients and templates may move or take out; the others are the conductor's own business.
fn is_public(step: &Step) -> bool {
    step.id.interface == "deploy" && step.id.step != "check_image"
}

/// Steps, and what the run must remember of how they were chosen.
#[derive(Debug, PartialEq)]
pub(in crate::conductor) struct Composed {
    pub(in crate::conductor) steps: Vec<Step>,
    pub(in crate::conductor) notes: Object,
}

impl Composed {
    pub(in crate::conductor) fn of(steps: Vec<Step>) -> Self {
        Self {
            steps,
            notes: Object::new(),
        }
    }
}

/// The steps of a deploy: a request beats a template, a template beats the driver; priority 0 takes a step out.
///
/// # Errors
/// [`StepRequestError`] names the step.
pub(in crate::conductor) fn compose(
    node: &Node,
    rules: &Rules<'_>,
    templates: &[DeployTemplate],
    requested: &[RequestedStep],
) -> Result<Composed, StepRequestError> {
    let mut steps = match rules.in_band {
        InBand::Missing => vec![step("deploy", "deploy", RAMDISK)],
        InBand::Possible | InBand::Disabled => direct(),
    };
    let enabled = |offer: &&Offer| offer.priority > 0 && !rules.is_denied(&offer.id);
    let driver = rules.offers.iter().filter(enabled);
    steps.extend(driver.map(|offer| offer.step(offer.priority)));
    let mut disabled = Vec::new();
    let from_templates = from_templates(templates)?;
    let is_asked = |step: &RequestedStep| requested.iter().any(|request| same(request, step));
    let from_templates = from_templates.iter().filter(|step| !is_asked(step));
    let wanted = from_templates
        .map(|step| (step, Origin::Stored))
        .chain(requested.iter().map(|step| (step, Origin::Client)));
    for (request, origin) in wanted {
        let name = id(&request.interface, &request.step);
        let priority = request
            .priority
            .ok_or_else(|| StepRequestError::NoPriority(name.clone()))?;
        if name == id("deploy", "deploy") && priority > 0 {
            return Err(StepRequestError::Core);
        }
        let is_it = |step: &Step| step.id == name && is_replaceable(step);
        let known = steps
            .iter()
            .position(is_it)
            .map(|place| steps.remove(place));
        if priority == 0 {
            disabled.push(name.to_string());
            continue;
        }
        let Some(step) = replaced(node, rules, request, origin, known)? else {
            continue;
        };
        if step.by == Performer::Agent && priority >= RAMDISK {
            return Err(StepRequestError::BeforeRamdisk(step.id));
        }
        steps.push(Step { priority, ..step });
    }
    order(&mut steps);
    refuse_powered_off(&steps)?;
    let steps = for_node(steps, node);
    let mut notes = Object::new();
    if !disabled.is_empty() {
        notes.insert(DISABLED.to_owned(), json!(disabled));
    }
    Ok(Composed { steps, notes })
}

fn is_replaceable(step: &Step) -> bool {
    step.by == Performer::Driver || is_public(step)
}

/// One of Ironic's own steps at another place or with arguments; any other as if it stood alone.
fn replaced(
    node: &Node,
    rules: &Rules<'_>,
    request: &RequestedStep,
    origin: Origin,
    known: Option<Step>,
) -> Result<Option<Step>, StepRequestError> {
    match known.filter(|step| step.by != Performer::Driver) {
        Some(step) if request.on_children.is_none() => Ok(Some(Step {
            args: request.args.clone(),
            ..step
        })),
        _ => rules.resolve(node, request, origin),
    }
}

fn same(one: &RequestedStep, other: &RequestedStep) -> bool {
    (&one.interface, &one.step) == (&other.interface, &other.step)
}

fn from_templates(templates: &[DeployTemplate]) -> Result<Vec<RequestedStep>, StepRequestError> {
    let mut steps: Vec<(&str, RequestedStep)> = Vec::new();
    for template in templates {
        for step in &template.steps {
            let step = RequestedStep {
                priority: Some(step.priority),
                args: step.args.clone(),
                ..RequestedStep::new(&step.interface, &step.step)
            };
            if let Some((other, _)) = steps.iter().find(|(_, known)| same(known, &step)) {
                let (other, name) = ((*other).to_owned(), template.name.clone());
                let step = id(&step.interface, &step.step);
                return Err(StepRequestError::Twice(other, name, step));
            }
            steps.push((&template.name, step));
        }
    }
    Ok(steps.into_iter().map(|(_, step)| step).collect())
}
