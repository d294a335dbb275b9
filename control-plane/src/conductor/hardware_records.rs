//! What a machine's BIOS settings and firmware are, kept beside its node: read when Ironic reads it, and stored in the
//! commit that follows. Where a machine does not tell, or shows an empty list as some do while they start, what it told
//! before stays, and no run fails because of it.

use super::Conductor;
use super::node_task::{Change, NodeTask, TaskError};
use super::steps::{StepContext, chain};
use ferric_drivers::{BiosSetting, BmcError, FirmwareComponent, Hardware};
use ferric_model::bios::{BiosAttribute, BiosSettings, ShownSetting};
use ferric_model::firmware::{FirmwareComponents, FirmwareIdentity, ShownComponent};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::run::{Activity, Run};
use ferric_store::{Entity, Key, StoreError, Table};
use serde_json::Value;
use std::time::Duration;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};
use tracing::{debug, info};

/// The tables of what is kept, which goes with the node.
pub(super) const TABLES: [Table; 2] = [Table::BiosSettings, Table::FirmwareComponents];

/// The longest time that all of it may take: a registry is large, and a BMC may be slow.
const LIMIT: Duration = Duration::from_secs(120);

/// Which of the lists are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    All,
    Bios,
    Firmware,
    Nothing,
}

/// What the machine told; `None`: nothing of it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Shown {
    bios: Option<Vec<ShownSetting>>,
    firmware: Option<Vec<ShownComponent>>,
}

/// Before the step in hand: at the beginning of a run, and after a step that may have changed something.
fn before_step(run: &Run) -> Wanted {
    if run.failure.is_some() {
        return Wanted::Nothing;
    }
    let Some(previous) = run.index.checked_sub(1) else {
        return match run.activity {
            Activity::Clean | Activity::ManualClean | Activity::Service => Wanted::All,
            _ => Wanted::Nothing,
        };
    };
    let previous = run.steps.get(previous).map(|step| &step.id);
    match previous.map(|id| id.interface.as_str()) {
        Some("bios") => Wanted::Bios,
        Some("firmware") => Wanted::Firmware,
        _ => Wanted::Nothing,
    }
}

/// At the end of a run that went well. One without steps has looked at no machine.
fn at_end(run: &Run) -> Wanted {
    if run.failure.is_some() || run.steps.is_empty() {
        return Wanted::Nothing;
    }
    match run.activity {
        Activity::Verify | Activity::Clean | Activity::ManualClean | Activity::Service => {
            Wanted::All
        }
        // While the machine is on, as some show their network cards only then.
        Activity::Inspect => Wanted::Firmware,
        _ => Wanted::Nothing,
    }
}

/// What is read before the step of the context.
pub(super) async fn look_before(context: &StepContext) -> Shown {
    look(&context.node, &context.hardware, before_step(&context.run)).await
}

/// What is read at the end of the node's run.
pub(super) async fn look_at_end(task: &mut NodeTask) -> Result<Shown, TaskError> {
    let wanted = task.node.run.as_ref().map_or(Wanted::Nothing, at_end);
    if wanted == Wanted::Nothing {
        return Ok(Shown::default());
    }
    let node = task.node.clone();
    match task.conductor().hardware(&node) {
        Ok(hardware) => task.during(Box::pin(look(&node, &hardware, wanted))).await,
        Err(error) => {
            debug!(node = %node.uuid, error = chain(&error), "the machine cannot be asked");
            Ok(Shown::default())
        }
    }
}

async fn look(node: &Node, hardware: &Hardware, wanted: Wanted) -> Shown {
    let bios = hardware.bios.as_ref();
    let bios = bios.filter(|_| matches!(wanted, Wanted::All | Wanted::Bios));
    let firmware = hardware.firmware.as_ref();
    let firmware = firmware.filter(|_| matches!(wanted, Wanted::All | Wanted::Firmware));
    let (mut shown, deadline) = (Shown::default(), Instant::now() + LIMIT);
    if let Some(bios) = bios {
        let told = told(
            node,
            "BIOS settings",
            timeout_at(deadline, bios.described_settings()),
        )
        .await;
        let told = told.filter(|settings| !settings.is_empty());
        shown.bios = told.map(|settings| settings.into_iter().map(setting).collect());
    }
    if let Some(firmware) = firmware {
        let told = told(
            node,
            "firmware",
            timeout_at(deadline, firmware.components()),
        )
        .await;
        let told = told.filter(|all| !all.is_empty());
        shown.firmware = told.map(|all| all.into_iter().map(component).collect());
    }
    shown
}

async fn told<T>(
    node: &Node,
    what: &'static str,
    asked: impl Future<Output = Result<Result<T, BmcError>, Elapsed>>,
) -> Option<T> {
    match asked.await {
        Ok(Ok(told)) => Some(told),
        // As many machines have none.
        Ok(Err(error @ BmcError::NotOffered { .. })) => {
            debug!(node = %node.uuid, what, error = chain(&error), "the machine does not tell");
            None
        }
        Ok(Err(error)) => {
            info!(node = %node.uuid, what, error = chain(&error), "reading from the machine failed");
            None
        }
        Err(_) => {
            info!(node = %node.uuid, what, "reading from the machine took too long");
            None
        }
    }
}

/// The change with those records that what was shown changes.
pub(super) async fn with_records(
    conductor: &Conductor,
    mut change: Change,
    shown: Shown,
) -> Result<Change, StoreError> {
    let (node, now) = (change.node_id(), conductor.now());
    if let Some(shown) = shown.bios {
        let before: Option<BiosSettings> = kept(conductor.beside(node).await)?;
        let settings = BiosSettings::renewed(node, before.as_ref(), shown, now);
        if before.as_ref() != Some(&settings) {
            change = change.beside(|beside| beside.put(&settings));
        }
    }
    if let Some(shown) = shown.firmware {
        let before: Option<FirmwareComponents> = kept(conductor.beside(node).await)?;
        let components = FirmwareComponents::renewed(node, before.as_ref(), shown, now);
        if before.as_ref() != Some(&components) {
            change = change.beside(|beside| beside.put(&components));
        }
    }
    Ok(change)
}

/// What cannot be read is about to be replaced.
fn kept<E>(stored: Result<Option<E>, StoreError>) -> Result<Option<E>, StoreError> {
    match stored {
        Err(error @ StoreError::Corrupt { .. }) => {
            tracing::warn!("what was read of a machine before is lost: {error}");
            Ok(None)
        }
        stored => stored,
    }
}

impl Conductor {
    /// The BIOS settings of the node as they were read last; `None`: they never were.
    pub async fn bios_settings(&self, id: NodeId) -> Result<Option<BiosSettings>, StoreError> {
        self.beside(id).await
    }

    /// The firmware of the node as it was read last; `None`: it never was.
    pub async fn firmware_components(
        &self,
        id: NodeId,
    ) -> Result<Option<FirmwareComponents>, StoreError> {
        self.beside(id).await
    }

    /// The document of a kind that lies beside a node.
    async fn beside<E: Entity>(&self, node: NodeId) -> Result<Option<E>, StoreError> {
        let record = self.store().get(&Key::new(E::TABLE, node)).await?;
        record.map(|record| record.decode()).transpose()
    }
}

fn setting(told: BiosSetting) -> ShownSetting {
    let attribute = told.attribute.map(|attribute| BiosAttribute {
        attribute_type: attribute.attribute_type,
        allowable_values: attribute.allowable_values,
        lower_bound: attribute.lower_bound,
        upper_bound: attribute.upper_bound,
        min_length: attribute.min_length,
        max_length: attribute.max_length,
        read_only: attribute.read_only,
        reset_required: attribute.reset_required,
        unique: attribute.unique,
    });
    ShownSetting {
        name: told.name,
        value: text(told.value),
        attribute,
    }
}

/// Ironic's API has texts only; a step takes them back as they are shown.
fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn component(told: FirmwareComponent) -> ShownComponent {
    ShownComponent {
        component: told.component,
        version: told.version,
        identity: FirmwareIdentity {
            vendor: told.vendor,
            model: told.model,
            serial_number: told.serial_number,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::flows;
    use ferric_model::ids::RunId;
    use ferric_model::step::Step;
    use jiff::Timestamp;
    use uuid::Uuid;

    fn run(activity: Activity, steps: &[&str], index: usize) -> Run {
        let step = |name: &&str| {
            let (interface, name) = name.split_once('.').unwrap();
            let mut step: Step = flows::boot_ramdisk_again()[0].clone();
            step.id = flows::id(interface, name);
            step
        };
        let steps = steps.iter().map(step).collect();
        let mut run = flows::run(RunId(Uuid::nil()), activity, steps, Timestamp::UNIX_EPOCH);
        run.index = index;
        run
    }

    #[test]
    fn machines_are_looked_at_when_something_may_have_changed() {
        use Activity::{Clean, Deploy, Inspect, ManualClean, Service, Verify};
        let steps = [
            "power.off",
            "bios.factory_reset",
            "firmware.update",
            "power.on",
        ];
        let cases = [
            (Clean, 0, Wanted::All),
            (ManualClean, 0, Wanted::All),
            (Service, 0, Wanted::All),
            (Verify, 0, Wanted::Nothing),
            (Deploy, 0, Wanted::Nothing),
            (Clean, 1, Wanted::Nothing),
            (Deploy, 2, Wanted::Bios),
            (Service, 3, Wanted::Firmware),
        ];
        for (activity, index, wanted) in cases {
            let found = before_step(&run(activity, &steps, index));
            assert_eq!(found, wanted, "{activity:?} {index}");
        }
        let cases = [
            (Verify, Wanted::All),
            (Clean, Wanted::All),
            (ManualClean, Wanted::All),
            (Service, Wanted::All),
            (Inspect, Wanted::Firmware),
            (Deploy, Wanted::Nothing),
        ];
        for (activity, wanted) in cases {
            assert_eq!(at_end(&run(activity, &steps, 4)), wanted, "{activity:?}");
        }
        assert_eq!(at_end(&run(Clean, &[], 0)), Wanted::Nothing);
        let mut failed = run(Clean, &steps, 2);
        failed.failure = Some("it failed".to_owned());
        assert_eq!(at_end(&failed), Wanted::Nothing);
        assert_eq!(before_step(&failed), Wanted::Nothing);
    }

    #[test]
    fn values_are_texts() {
        let cases = [
            (Value::Null, None),
            (Value::from("On"), Some("On")),
            (Value::from(8), Some("8")),
            (Value::from(true), Some("true")),
        ];
        for (value, expected) in cases {
            assert_eq!(text(value).as_deref(), expected);
        }
    }
}
