//! BIOS settings.

use super::super::{Outcome, StepContext, StepError};
use super::{answer, check, no_interface};
use ferric_drivers::{Bios, InterfaceKind};
use ferric_model::node::Object;
use serde_json::Value;

pub(super) async fn apply_configuration(context: &StepContext) -> Result<Outcome, StepError> {
    check(context)?;
    let started = bios(context)?.apply_configuration(settings(&context.step.args));
    let started = started
        .await
        .map_err(StepError::bmc("applying BIOS settings"))?;
    answer(context, InterfaceKind::Bios, started).await
}

pub(super) async fn factory_reset(context: &StepContext) -> Result<Outcome, StepError> {
    check(context)?;
    let started = bios(context)?.factory_reset().await;
    let started = started.map_err(StepError::bmc("resetting the BIOS settings"))?;
    answer(context, InterfaceKind::Bios, started).await
}

fn bios(context: &StepContext) -> Result<&dyn Bios, StepError> {
    let bios = context.hardware.bios.as_deref();
    bios.ok_or_else(|| no_interface(context, InterfaceKind::Bios))
}

/// `[{name, value}]` as an object; the last one of a name holds.
fn settings(arguments: &Object) -> Object {
    let list = arguments.get("settings").and_then(Value::as_array);
    let pairs = list.into_iter().flatten().filter_map(|setting| {
        let name = setting.get("name")?.as_str()?.to_owned();
        Some((name, setting.get("value")?.clone()))
    });
    pairs.collect()
}
