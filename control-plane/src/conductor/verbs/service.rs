//! `service`: steps on a machine that keeps its instance.

use super::{checks, start_with};
use crate::conductor::node_task::NodeTask;
use crate::conductor::requests::{ProvisionRequest, RequestError};
use ferric_model::run::Activity;
use ferric_model::state::Event;

pub(super) async fn service(
    task: &mut NodeTask,
    request: ProvisionRequest,
) -> Result<(), RequestError> {
    checks::not_in_maintenance(&task.node, "service")?;
    if request.steps.is_empty() && request.runbook.is_none() {
        return Err(RequestError::Invalid(
            "service_steps or a runbook are missing".to_owned(),
        ));
    }
    checks::serviceable(task, request.ramdisk).await?;
    let composed = task.conductor().service_steps(&task.node, &request).await?;
    let (event, activity) = (Event::Service, Activity::Service);
    start_with(task, event, activity, composed, |change| change).await
}
