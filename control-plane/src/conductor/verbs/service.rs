//! `service`: steps on a machine that keeps its instance.

use super::{checks, start_with};
use crate::conductor::engine::LEFT_INSTANCE;
use crate::conductor::flows;
use crate::conductor::node_task::NodeTask;
use crate::conductor::requests::{ProvisionRequest, RequestError};
use ferric_model::run::Activity;
use ferric_model::state::Event;
use serde_json::json;

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
    // Known from now on to whoever ends this service: the run that is held, if there is one, is forgotten.
    let left_instance = flows::has_left_instance(&task.node);
    start_with(task, event, activity, composed, |change| {
        change.with(|node| {
            if left_instance {
                node.internal_info
                    .insert(LEFT_INSTANCE.to_owned(), json!(true));
            }
        })
    })
    .await
}
