//! What a step does. Each one works on a snapshot of its node and answers with what is to be changed; it knows no
//! provision state, no lock and no store.

mod after_command;
mod agent_steps;
mod boot;
mod check_image;
mod collect_logs;
mod discard_image;
mod execute;
mod fast_track;
mod finish;
mod hardware;
mod instance_boot;
mod next_boot;
mod outcome;
mod power;
mod rescue;
mod reserved;
mod tear_down_agent;
mod validate;
mod verify;

pub(super) use after_command::{check as check_result, follow_up};
pub(super) use boot::{persistence, wanted_mode};
pub(super) use execute::{Last as LastCommand, last_command};
pub(super) use fast_track::is_enabled as is_fast_track_enabled;
pub(super) use outcome::{Outcome, StepError, chain};
pub(super) use power::{is_off, state as power_state};
pub(super) use rescue::silences_the_agent;

use super::Conductor;
use super::hardware_records;
use super::inspection::bmc_addresses;
use ferric_drivers::{Hardware, InterfaceKind};
use ferric_model::node::{Dhcp, NetworkBoot, Node};
use ferric_model::port::Port;
use ferric_model::run::{Activity, Run};
use ferric_model::step::{Performer, Place, Step, StepId};
use serde_json::Value;
use std::sync::Arc;
use uuid::Uuid;

/// What a step works with.
pub(super) struct StepContext {
    pub(super) conductor: Conductor,
    pub(super) node: Arc<Node>,
    pub(super) run: Run,
    pub(super) step: Step,
    pub(super) ports: Vec<Port>,
    pub(super) hardware: Hardware,
    /// The id of the command that does it, the same each time the step is begun with this attempt.
    pub(super) command_id: Uuid,
}

/// What changes in the commit that says that the step begins, before its effect.
pub(super) fn before(step: &StepId, node: &mut Node) {
    match (step.interface.as_str(), step.step.as_str()) {
        ("boot", "ramdisk") => {
            node.network_boot = NetworkBoot::Ramdisk;
            node.dhcp = Some(Dhcp::Answered);
        }
        ("deploy", "deploy") if node.interface("deploy") != Some("fake") => {
            node.network_boot = NetworkBoot::Ramdisk;
            node.dhcp = Some(Dhcp::Answered);
        }
        ("boot", "disk") => node.dhcp = Some(Dhcp::Answered),
        // What was set for an agent that is needed no more may make it ask for its boot script all the same.
        _ if node.run.as_ref().is_some_and(reserved::boots_by_itself) => {
            node.network_boot = NetworkBoot::LocalDisk;
        }
        _ => {}
    }
}

/// Does the step.
pub(super) async fn perform(context: &StepContext) -> Result<Outcome, StepError> {
    let shown = hardware_records::look_before(context).await;
    let outcome = match perform_alone(context).await {
        Err(error) if verify::goes_on(context) => verify::note(context, &error),
        outcome => outcome?,
    };
    let outcome = Outcome { shown, ..outcome };
    let begins = context.run.index == 0 && context.run.failure.is_none();
    if context.run.activity != Activity::Inspect || !begins {
        return Ok(outcome);
    }
    let addresses = bmc_addresses::of_node(&context.node.driver_info).await;
    Ok(outcome.edit(move |node, _| {
        let known = Value::from(addresses);
        node.internal_info
            .insert(bmc_addresses::KEY.to_owned(), known);
    }))
}

async fn perform_alone(context: &StepContext) -> Result<Outcome, StepError> {
    match &context.step.place {
        Place::Here => {}
        Place::Children { only } => return Box::pin(reserved::for_each_child(context, only)).await,
        Place::Child(child) => return Box::pin(reserved::on_child(context, *child)).await,
    }
    // Boxed, because together they would fill a thread's stack.
    match context.step.by {
        Performer::Conductor | Performer::Driver => Box::pin(own(context)).await,
        Performer::Reserved => Box::pin(reserved::perform(context)).await,
        Performer::Agent => Box::pin(execute::execute(context)).await,
    }
}

/// Steps that only the conductor knows, and those of the interfaces.
async fn own(context: &StepContext) -> Result<Outcome, StepError> {
    let id = &context.step.id;
    match (id.interface.as_str(), id.step.as_str()) {
        ("power", "get") => power::get(context).await,
        ("power", "off") => power::off(context).await,
        ("power", "on") => power::on(context).await,
        ("power", "restart") => power::restart(context).await,
        ("boot", "ramdisk") => boot::ramdisk(context).await,
        ("boot", "clean_up") => boot::clean_up(context).await,
        ("boot", "disk") => instance_boot::again(context).await,
        ("boot", "validate") => validate::interface(context, InterfaceKind::Boot),
        ("deploy", "validate") => validate::interface(context, InterfaceKind::Deploy),
        ("rescue", "finalize_rescue") => rescue::finalize(context).await,
        ("agent", "collect_logs") => Ok(collect_logs::collect(context).await),
        ("agent", "discard_image") => discard_image::discard(context).await,
        ("agent", "get_steps") => agent_steps::get_steps(context).await,
        ("deploy", "deploy") if context.node.interface("deploy") == Some("fake") => {
            Ok(Outcome::done())
        }
        ("deploy", "deploy") => boot::ramdisk(context).await,
        ("deploy", "check_image") => check_image::check(context).await,
        ("deploy", "prepare_instance_boot") => instance_boot::prepare(context).await,
        ("deploy", "tear_down_agent") => tear_down_agent::tear_down(context).await,
        ("deploy", "switch_to_tenant_network") => Ok(finish::switch_to_tenant_network()),
        ("deploy", "boot_instance") => power::into_instance(context).await,
        ("deploy", "tear_down") => finish::tear_down(context).await,
        ("inspect", "fake") => Ok(Outcome::done()),
        ("verify", "conclude") => verify::conclude(context),
        _ => hardware::perform(context)
            .await
            .unwrap_or_else(|| Err(StepError::Unknown(id.clone()))),
    }
}
