//! The task service, in which there never is a task: what this BMC is asked to do is done when it answers.

use axum::Router;
use serde_json::{Value, json};

use super::resource::{collection, healthy, link, readable};
use super::{Bmc, paths};

pub(super) fn routes() -> Router<Bmc> {
    readable(paths::TASK_SERVICE, |_| service()).merge(collection(paths::TASKS, "Task", &[]))
}

fn service() -> Value {
    json!({
        "@odata.type": "#TaskService.v1_2_0.TaskService",
        "Id": "TaskService",
        "Name": "Task Service",
        "ServiceEnabled": true,
        "Status": healthy(),
        "CompletedTaskOverWritePolicy": "Oldest",
        "LifeCycleEventOnTaskStateChange": false,
        "Tasks": link(paths::TASKS),
    })
}
