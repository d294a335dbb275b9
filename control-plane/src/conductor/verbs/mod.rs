//! `states/provision`: what may be asked for is checked under the node's lock, stored as a run, and the engine does it.

mod abort;
mod checks;
mod rescue;
mod service;

use super::Conductor;
use super::config_drive;
use super::engine::{OWN_CONFIG_DRIVE, automated_clean_steps, unhold};
use super::flows;
use super::node_task::{Change, NodeTask};
use super::requests::{ProvisionRequest, Ramdisk, RequestError};
use ferric_model::ids::{NodeId, RunId};
use ferric_model::node::Reservation;
use ferric_model::run::{Activity, Run};
use ferric_model::state::{Event, ProvisionState};
use ferric_model::step::Step;
use ferric_model::verb::Verb;
use serde_json::json;

impl Conductor {
    pub(super) async fn do_provision(
        &self,
        id: NodeId,
        request: ProvisionRequest,
    ) -> Result<(), RequestError> {
        let mut task = self.task(id, "changing its provision state").await?;
        let event = request.verb.event();
        checks::state(&task.node, request.verb)?;
        // Two that look for room at the same time must not both find the last place.
        let _counting = match takes_room(request.verb) {
            true => Some(self.admission().lock().await),
            false => None,
        };
        match request.verb {
            Verb::Manage if task.node.provision_state == ProvisionState::Enroll => {
                start(&mut task, event, Activity::Verify, |change| change).await?;
            }
            Verb::Manage => manage(&mut task).await?,
            Verb::Provide => provide(&mut task).await?,
            Verb::Inspect => inspect(&mut task).await?,
            Verb::Active | Verb::Deploy => deploy(&mut task, request, Activity::Deploy).await?,
            Verb::Rebuild => {
                checks::protected(&task.node)?;
                deploy(&mut task, request, Activity::Rebuild).await?;
            }
            Verb::Deleted | Verb::Undeploy => {
                checks::protected(&task.node)?;
                checks::room_to_clean(&task).await?;
                start(&mut task, event, Activity::Delete, |change| change).await?;
            }
            Verb::Clean => clean(&mut task, request).await?,
            Verb::Adopt => start(&mut task, event, Activity::Adopt, |change| change).await?,
            Verb::Abort => abort::abort(&mut task).await?,
            Verb::Rescue => rescue::rescue(&mut task, request).await?,
            Verb::Unrescue => rescue::unrescue(&mut task).await?,
            Verb::Service => service::service(&mut task, request).await?,
            Verb::Unhold => unhold(&mut task).await?,
        }
        self.hand_over(task);
        Ok(())
    }
}

/// What counts against `max_concurrent_deploy` or `max_concurrent_clean`.
fn takes_room(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::Active
            | Verb::Deploy
            | Verb::Rebuild
            | Verb::Provide
            | Verb::Clean
            | Verb::Deleted
            | Verb::Undeploy
    )
}

/// Stores a run at its first step. The edit comes last, so that it can change the run.
async fn start(
    task: &mut NodeTask,
    event: Event,
    activity: Activity,
    edit: impl FnOnce(Change) -> Change,
) -> Result<(), RequestError> {
    let steps = match activity {
        Activity::Clean => automated_clean_steps(task),
        _ => flows::steps(activity, &task.node),
    };
    start_with(task, event, activity, steps, edit).await
}

async fn start_with(
    task: &mut NodeTask,
    event: Event,
    activity: Activity,
    steps: Vec<Step>,
    edit: impl FnOnce(Change) -> Change,
) -> Result<(), RequestError> {
    let (id, now) = (RunId(task.conductor().new_id()), task.conductor().now());
    let run = flows::run(id, activity, steps, now);
    let (conductor, purpose) = (
        task.conductor().host().to_owned(),
        flows::purpose(activity).to_owned(),
    );
    let change = task.change().with(|node| {
        node.last_error = None;
        node.run = Some(run);
        node.reservation = Some(Reservation {
            conductor,
            purpose,
            since: now,
        });
    });
    Ok(task.apply(event, edit(change)).await?)
}

/// Taking a node out of the pool or out of a failure needs no machine. Whoever does so after a failed cleaning has
/// looked at it: the maintenance that the failure set ends with it.
async fn manage(task: &mut NodeTask) -> Result<(), RequestError> {
    let change = task.change().with(|node| {
        node.last_error = None;
        if node.fault.as_deref() == Some("clean failure") {
            node.maintenance = false;
            node.maintenance_reason = None;
            node.fault = None;
        }
    });
    Ok(task.apply(Event::Manage, change).await?)
}

async fn provide(task: &mut NodeTask) -> Result<(), RequestError> {
    if task.node.retired {
        let node = task.id();
        return Err(RequestError::Invalid(format!(
            "Node {node} is retired and cannot be provided: set retired to false first"
        )));
    }
    checks::cleanable(task).await?;
    start(task, Event::Provide, Activity::Clean, |change| change).await
}

async fn inspect(task: &mut NodeTask) -> Result<(), RequestError> {
    checks::inspectable(task)?;
    let now = task.conductor().now();
    let edit = |change: Change| {
        change.with(|node| {
            node.inspection_started_at = Some(now);
            node.inspection_finished_at = None;
        })
    };
    start(task, Event::Inspect, Activity::Inspect, edit).await
}

async fn deploy(
    task: &mut NodeTask,
    request: ProvisionRequest,
    activity: Activity,
) -> Result<(), RequestError> {
    let drive = request.configdrive.filter(|drive| !drive.is_null());
    if let Some(drive) = &drive {
        config_drive::check(drive)
            .await
            .map_err(|error| RequestError::Invalid(error.to_string()))?;
    }
    checks::deployable(task).await?;
    let steps = flows::steps(activity, &task.node);
    let steps = flows::with_requested(steps, &request.steps)
        .map_err(|error| RequestError::Invalid(error.to_string()))?;
    let event = request.verb.event();
    start_with(task, event, activity, steps, |change| {
        change.with(|node| {
            let Some(drive) = drive else { return };
            node.instance_info
                .insert(config_drive::KEY.to_owned(), drive);
            note(&mut node.run, OWN_CONFIG_DRIVE);
        })
    })
    .await
}

fn note(run: &mut Option<Run>, name: &str) {
    if let Some(run) = run {
        run.notes.insert(name.to_owned(), json!(true));
    }
}

async fn clean(task: &mut NodeTask, request: ProvisionRequest) -> Result<(), RequestError> {
    checks::not_in_maintenance(&task.node, "cleaning")?;
    if request.steps.is_empty() {
        return Err(RequestError::Invalid("clean_steps are missing".to_owned()));
    }
    checks::cleanable(task).await?;
    let steps = flows::with_clean_steps(
        flows::steps(Activity::ManualClean, &task.node),
        &request.steps,
    );
    let steps = for_ramdisk(steps, request.ramdisk)?;
    start_with(task, Event::Clean, Activity::ManualClean, steps, |change| {
        change
    })
    .await
}

/// With `disable_ramdisk` there is nothing to boot, and nobody to do what only an agent can do.
fn for_ramdisk(steps: Vec<Step>, ramdisk: Ramdisk) -> Result<Vec<Step>, RequestError> {
    match ramdisk {
        Ramdisk::Boot => Ok(steps),
        Ramdisk::Disable => flows::without_ramdisk(steps).map_err(RequestError::Invalid),
    }
}
