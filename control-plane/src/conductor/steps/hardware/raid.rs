//! RAID volumes. What was made is read back by a step of its own, so that `raid_config` is written also when the
//! conductor dies at the end of the volumes' step.

use super::super::{Outcome, StepContext, StepError};
use super::{answer, check, followed_by, no_interface};
use crate::conductor::flows;
use ferric_drivers::{InterfaceKind, LogicalDisk, Raid, RaidConfig, Restart, Started};
use ferric_model::node::Object;
use ferric_model::step::Step;
use serde_json::{Value, json};

/// Makes the node's `target_raid_config`.
pub(super) async fn create_configuration(context: &StepContext) -> Result<Outcome, StepError> {
    check(context)?;
    let wanted = &context.node.target_raid_config;
    if wanted.is_empty() {
        return Err(StepError::Problem(
            "the node has no target_raid_config: set it with PUT states/raid".to_owned(),
        ));
    }
    let wanted = Value::Object(wanted.clone());
    make(context, &wanted, NonRoot::Made).await
}

/// Makes the configuration of its argument.
pub(super) async fn apply_configuration(context: &StepContext) -> Result<Outcome, StepError> {
    check(context)?;
    let wanted = context.step.args.get("raid_config");
    make(context, wanted.unwrap_or(&Value::Null), NonRoot::Left).await
}

pub(super) async fn delete_configuration(context: &StepContext) -> Result<Outcome, StepError> {
    check(context)?;
    let started = delete_all(context).await?;
    ended(context, started, flows::read_raid_configuration()).await
}

/// Stores what volumes there are.
pub(super) async fn read_configuration(context: &StepContext) -> Result<Outcome, StepError> {
    let disks = raid(context)?.logical_disks().await;
    let disks = disks.map_err(StepError::bmc("reading the volumes"))?;
    let now = context.conductor.now().to_string();
    let count = disks.len();
    let config = json!({"logical_disks": disks, "last_updated": now});
    let outcome = Outcome::done().detail(format!("{count} volumes"));
    Ok(outcome.edit(move |node, _| {
        if let Value::Object(config) = config {
            node.raid_config = config;
        }
    }))
}

/// What becomes of the volumes that are not the root volume when nothing is said about them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NonRoot {
    Made,
    Left,
}

async fn make(
    context: &StepContext,
    wanted: &Value,
    non_root: NonRoot,
) -> Result<Outcome, StepError> {
    let config =
        RaidConfig::parse(wanted).map_err(|error| StepError::Problem(error.to_string()))?;
    if flag(&context.step.args, "delete_existing").unwrap_or(false) {
        // This step deletes, and the next one makes: each of them is stored with its own intent and its own end.
        let started = delete_all(context).await?;
        return ended(context, started, without_deleting(&context.step)).await;
    }
    let disks = chosen(&config, &context.step.args, non_root);
    let started = raid(context)?.create(disks).await;
    let started = started.map_err(StepError::bmc("creating the volumes"))?;
    ended(context, started, flows::read_raid_configuration()).await
}

/// What comes of the operation, and after it this step. Where the machine has to be restarted for it, it may have been a
/// part of what was asked for: then the step is done once more first, as one of its own.
async fn ended(context: &StepContext, started: Started, then: Step) -> Result<Outcome, StepError> {
    let is_partial = matches!(
        started,
        Started::Pending {
            restart: Restart::Needed,
            ..
        }
    );
    let outcome = answer(context, InterfaceKind::Raid, started).await?;
    let next = if is_partial {
        context.step.clone()
    } else {
        then
    };
    Ok(followed_by(outcome, next))
}

async fn delete_all(context: &StepContext) -> Result<Started, StepError> {
    let started = raid(context)?.delete_all().await;
    started.map_err(StepError::bmc("deleting the volumes"))
}

fn raid(context: &StepContext) -> Result<&dyn Raid, StepError> {
    let raid = context.hardware.raid.as_deref();
    raid.ok_or_else(|| no_interface(context, InterfaceKind::Raid))
}

fn without_deleting(step: &Step) -> Step {
    let mut step = step.clone();
    step.args
        .insert("delete_existing".to_owned(), Value::Bool(false));
    step
}

/// The volumes that are to be made. Each has a name, by which it is found again; those without get one that says where
/// they stand in the configuration.
fn chosen(config: &RaidConfig, arguments: &Object, non_root: NonRoot) -> Vec<LogicalDisk> {
    let root = flag(arguments, "create_root_volume").unwrap_or(true);
    let others = flag(arguments, "create_nonroot_volumes").unwrap_or(non_root == NonRoot::Made);
    let numbered = config.logical_disks.iter().enumerate();
    let named = numbered.map(|(place, disk)| LogicalDisk {
        volume_name: Some(
            disk.volume_name
                .clone()
                .unwrap_or_else(|| format!("volume-{place}")),
        ),
        ..disk.clone()
    });
    named
        .filter(|disk| if disk.is_root_volume { root } else { others })
        .collect()
}

fn flag(arguments: &Object, name: &str) -> Option<bool> {
    arguments.get(name)?.as_bool()
}
