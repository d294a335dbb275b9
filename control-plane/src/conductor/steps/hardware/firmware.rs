//! Firmware updates.

use super::super::{Outcome, StepContext, StepError};
use super::{answer, check, followed_by, no_interface};
use crate::config::seconds;
use ferric_drivers::{FirmwareImage, InterfaceKind};
use ferric_model::node::Object;
use serde_json::Value;

/// Updates the first component of the list; a step of its own goes on with the others, so that each update has its own
/// intent, its own restart and its own end.
pub(super) async fn update(context: &StepContext) -> Result<Outcome, StepError> {
    check(context)?;
    let Some(firmware) = &context.hardware.firmware else {
        return Err(no_interface(context, InterfaceKind::Firmware));
    };
    let mut settings = settings(&context.step.args);
    let first = (!settings.is_empty()).then(|| settings.remove(0));
    let Some(image) = first.as_ref().and_then(image) else {
        return Ok(Outcome::done());
    };
    let component = image.component.clone();
    let started = firmware.update(image).await;
    let started = started.map_err(StepError::bmc("updating firmware"))?;
    let outcome = answer(context, InterfaceKind::Firmware, started)
        .await?
        .detail(component);
    if settings.is_empty() {
        return Ok(outcome);
    }
    let mut others = context.step.clone();
    let key = "settings".to_owned();
    others.args.insert(key, Value::Array(settings));
    Ok(followed_by(outcome, others))
}

fn settings(arguments: &Object) -> Vec<Value> {
    let list = arguments.get("settings").and_then(Value::as_array);
    list.cloned().unwrap_or_default()
}

fn image(setting: &Value) -> Option<FirmwareImage> {
    let text = |key: &str| Some(setting.get(key)?.as_str()?.to_owned());
    Some(FirmwareImage {
        component: text("component")?,
        url: text("url")?,
        wait: seconds(setting.get("wait").and_then(Value::as_u64).unwrap_or(0)),
    })
}
