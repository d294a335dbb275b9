//! `service`: steps on a machine that keeps its instance.

use super::{checks, for_ramdisk, start_with};
use crate::conductor::flows;
use crate::conductor::node_task::NodeTask;
use crate::conductor::requests::{ProvisionRequest, RequestError};
use ferric_model::run::Activity;
use ferric_model::state::Event;

pub(super) async fn service(
    task: &mut NodeTask,
    request: ProvisionRequest,
) -> Result<(), RequestError> {
    checks::not_in_maintenance(&task.node, "service")?;
    if request.steps.is_empty() {
        return Err(RequestError::Invalid(
            "service_steps are missing".to_owned(),
        ));
    }
    checks::serviceable(task, request.ramdisk)?;
    let steps =
        flows::with_service_steps(flows::steps(Activity::Service, &task.node), &request.steps);
    let steps = for_ramdisk(steps, request.ramdisk)?;
    start_with(task, Event::Service, Activity::Service, steps, |change| {
        change
    })
    .await
}
