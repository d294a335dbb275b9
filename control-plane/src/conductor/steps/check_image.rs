//! The image is looked at before anything happens to the machine: a wrong URL costs nobody a reboot.

use super::{Outcome, StepContext, StepError};

pub(super) async fn check(context: &StepContext) -> Result<Outcome, StepError> {
    let image = context.conductor.boot().image(&context.node).await?;
    let size = image
        .size_bytes
        .map(|size| format!(", {size} bytes"))
        .unwrap_or_default();
    let format = image.disk_format.as_deref().unwrap_or("format unknown");
    let url = crate::boot::without_secrets(&image.url);
    Ok(Outcome::done().detail(format!("{url} ({format}{size})")))
}
