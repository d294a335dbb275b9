//! `states/provision`: what may be asked for is checked under the node's lock, stored as a run, and the engine does it.

mod abort;
mod checks;
pub(super) mod lessee;
mod rescue;
mod service;

use super::Conductor;
use super::config_drive;
use super::engine::{OWN_CONFIG_DRIVE, unhold};
use super::flows::{self, Composed};
use super::node_task::{Change, NodeTask};
use super::pinned;
use super::requests::{ProvisionRequest, RequestError};
use super::wishes::clear_to_begin;
use ferric_model::ids::{NodeId, RunId};
use ferric_model::node::Reservation;
use ferric_model::run::{Activity, Run};
use ferric_model::state::{Event, ProvisionState};
use ferric_model::verb::Verb;
use ferric_store::{Expectation, Room};
use serde_json::json;

impl Conductor {
    pub(super) async fn do_verb(
        &self,
        id: NodeId,
        request: ProvisionRequest,
    ) -> Result<(), RequestError> {
        let task = self.task(id, "changing its provision state").await?;
        self.provision_locked(task, request).await
    }

    pub(super) async fn provision_locked(
        &self,
        task: NodeTask,
        request: ProvisionRequest,
    ) -> Result<(), RequestError> {
        let mut task = task.asked_by(request.asked_by.clone());
        let event = request.verb.event();
        checks::state(&task.node, request.verb)?;
        match request.verb {
            Verb::Manage if task.node.provision_state == ProvisionState::Enroll => {
                pinned(|| start(&mut task, event, Activity::Verify, |change| change)).await?;
            }
            Verb::Manage => pinned(|| manage(&mut task)).await?,
            Verb::Provide => pinned(|| provide(&mut task)).await?,
            Verb::Inspect => pinned(|| inspect(&mut task)).await?,
            Verb::Active | Verb::Deploy => {
                pinned(|| deploy(&mut task, request, Activity::Deploy)).await?
            }
            Verb::Rebuild => {
                checks::protected(&task.node)?;
                pinned(|| deploy(&mut task, request, Activity::Rebuild)).await?;
            }
            Verb::Deleted | Verb::Undeploy => {
                checks::protected(&task.node)?;
                let room = pinned(|| checks::room_to_clean(&task)).await?;
                let edit = |change| within(room, change);
                pinned(|| start(&mut task, event, Activity::Delete, edit)).await?;
            }
            Verb::Clean => pinned(|| clean(&mut task, request)).await?,
            Verb::Adopt => {
                pinned(|| start(&mut task, event, Activity::Adopt, |change| change)).await?
            }
            Verb::Abort => pinned(|| abort::abort(&mut task)).await?,
            Verb::Rescue => pinned(|| rescue::rescue(&mut task, request)).await?,
            Verb::Unrescue => pinned(|| rescue::unrescue(&mut task)).await?,
            Verb::Service => pinned(|| service::service(&mut task, request)).await?,
            Verb::Unhold => pinned(|| unhold(&mut task)).await?,
        }
        self.hand_over(task);
        Ok(())
    }
}

/// Two that look for room at the same time, at whichever conductors, do not both get the last place.
fn within(room: Room, change: Change) -> Change {
    change.beside(|beside| beside.expect(Expectation::Room(room)))
}

/// Stores a run at its first step, unless what was asked of the machine before may still be done. The edit comes last, so
/// that it can change the run.
async fn start(
    task: &mut NodeTask,
    event: Event,
    activity: Activity,
    edit: impl FnOnce(Change) -> Change,
) -> Result<(), RequestError> {
    let composed = match activity {
        Activity::Clean => task.conductor().automated_clean_steps(&task.node).await?,
        Activity::Verify => Composed::of(task.conductor().verify_steps(&task.node)?),
        _ => Composed::of(flows::steps(activity, &task.node)),
    };
    start_with(task, event, activity, composed, edit).await
}

async fn start_with(
    task: &mut NodeTask,
    event: Event,
    activity: Activity,
    composed: Composed,
    edit: impl FnOnce(Change) -> Change,
) -> Result<(), RequestError> {
    let (id, now) = (RunId(task.conductor().new_id()), task.conductor().now());
    let run = flows::composed_run(id, activity, composed, now);
    let (conductor, purpose) = (
        task.conductor().host().to_owned(),
        flows::purpose(activity).to_owned(),
    );
    let change = clear_to_begin(task)?.with(|node| {
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
    let room = checks::cleanable(task).await?;
    let edit = |change| within(room, change);
    start(task, Event::Provide, Activity::Clean, edit).await
}

async fn inspect(task: &mut NodeTask) -> Result<(), RequestError> {
    checks::inspectable(task).await?;
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
    let room = checks::deployable(task).await?;
    let composed = task
        .conductor()
        .deploy_steps(&task.node, activity, &request.steps)
        .await?;
    let source = task
        .conductor()
        .settings()
        .conductor
        .automatic_lessee_source;
    let project = match activity {
        Activity::Deploy => lessee::project(source, &task.node, request.asked_by.as_ref()),
        _ => None,
    };
    let event = request.verb.event();
    start_with(task, event, activity, composed, |change| {
        within(room, change).with(|node| {
            lessee::set(node, project);
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
    if request.steps.is_empty() && request.runbook.is_none() {
        return Err(RequestError::Invalid(
            "clean_steps or a runbook are missing".to_owned(),
        ));
    }
    let room = checks::cleanable(task).await?;
    let composed = task
        .conductor()
        .manual_clean_steps(&task.node, &request)
        .await?;
    let (event, activity) = (Event::Clean, Activity::ManualClean);
    let edit = |change| within(room, change);
    start_with(task, event, activity, composed, edit).await
}
