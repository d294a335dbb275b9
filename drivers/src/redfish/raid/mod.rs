//! RAID volumes by the `Volumes` of a system's storage subsystems.
//!
//! What is asked for twice is done once: volumes that stand there under their name are not made again, deleting goes over
//! those that are left, and a task of the BMC that is under way is waited for instead of beginning another one. A
//! controller that acts when the machine starts is asked for one thing at a time: some refuse a second one. When the tasks of
//! an operation have ended, the volumes are read back: a task that the BMC has forgotten proves nothing.

mod level;
mod plan;
mod storage;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::System;
use super::exchange::Request;
use super::resource::Resource;
use super::task::{TaskState, asked_body, asked_path};
use crate::{BmcError, LogicalDisk, Progress, Raid, Restart, Started};
use plan::Plan;
use storage::{Controller, Volume};

#[async_trait]
impl Raid for System {
    async fn logical_disks(&self) -> Result<Vec<Value>, BmcError> {
        let controllers = self.controllers().await?;
        let shown = controllers
            .iter()
            .flat_map(|controller| controller.volumes.iter())
            .map(Volume::to_json);
        Ok(shown.collect())
    }

    async fn create(&self, wanted: Vec<LogicalDisk>) -> Result<Started, BmcError> {
        let mut controllers = self.controllers().await?;
        let mut begun = Begun::default();
        let mut names: Vec<_> = wanted
            .iter()
            .filter_map(|disk| disk.volume_name.clone())
            .collect();
        // All are planned before the first is made, so that what cannot be made changes nothing.
        let mut plans = Vec::new();
        for disk in &wanted {
            if stands_there(&controllers, disk.volume_name.as_deref()) {
                continue;
            }
            let plan =
                plan::plan(disk, &mut controllers).map_err(|problem| self.cannot(disk, problem))?;
            plans.push(plan);
        }
        let tasks = self.volume_tasks(!plans.is_empty()).await?;
        let mut occupied: Vec<&str> = Vec::new();
        for plan in &plans {
            if occupied.contains(&plan.volumes.as_str()) {
                names.retain(|name| Some(name) != plan.name.as_ref());
                continue;
            }
            if plan.restart == Restart::Needed {
                occupied.push(&plan.volumes);
            }
            match tasks.iter().find(|task| makes(task, plan)) {
                Some(task) => begun.add((Some(task.path.clone()), plan.restart)),
                None => begun.add(self.make(plan).await?),
            }
        }
        Ok(begun.answer(&json!({"create": names})))
    }

    async fn delete_all(&self) -> Result<Started, BmcError> {
        let mut begun = Begun::default();
        let controllers = self.controllers().await?;
        let has_volumes = controllers
            .iter()
            .any(|controller| !controller.volumes.is_empty());
        let tasks = self.volume_tasks(has_volumes).await?;
        let mut deleted: Vec<&str> = Vec::new();
        for controller in &controllers {
            let (apply_time, restart) = controller.acts();
            let body = apply_time.map(|time| json!({"@Redfish.OperationApplyTime": time}));
            for volume in &controller.volumes {
                deleted.push(&volume.path);
                let known = tasks.iter().find(|task| deletes(task, volume));
                let task = match known {
                    Some(task) => Some(task.path.clone()),
                    None => self.delete(volume, body.as_ref()).await?,
                };
                // Without a task the volume is gone, whenever the controller acts.
                if task.is_some() {
                    begun.add((task, restart));
                    if restart == Restart::Needed {
                        break;
                    }
                }
            }
        }
        Ok(begun.answer(&json!({"delete": deleted})))
    }

    async fn poll(&self, record: &Value) -> Result<Progress, BmcError> {
        let tasks = record.get("tasks").and_then(Value::as_array);
        let tasks = tasks.into_iter().flatten().filter_map(Value::as_str);
        let mut left = Vec::new();
        for task in tasks {
            match self.bmc.task(task).await? {
                TaskState::Running => left.push(task),
                TaskState::Ended => {}
                TaskState::Failed(cause) => return Ok(Progress::Failed(cause)),
            }
        }
        if !left.is_empty() {
            let mut record = record.clone();
            record["tasks"] = json!(left);
            return Ok(Progress::Pending(record));
        }
        self.verify(record.get("operation").unwrap_or(&Value::Null))
            .await
    }
}

/// What of an operation the BMC goes on with.
#[derive(Default)]
struct Begun {
    tasks: Vec<String>,
    restart: Option<Restart>,
}

impl Begun {
    fn add(&mut self, (task, restart): (Option<String>, Restart)) {
        if restart == Restart::Needed {
            self.restart = Some(restart);
        }
        self.tasks.extend(task);
    }

    fn answer(self, operation: &Value) -> Started {
        if self.tasks.is_empty() && self.restart.is_none() {
            return Started::Done;
        }
        Started::Pending {
            record: json!({"tasks": self.tasks, "operation": operation}),
            restart: self.restart.unwrap_or(Restart::NotNeeded),
        }
    }
}

/// Whether this task makes the volume: it was asked for by a conductor that died before it could store that.
fn makes(task: &Resource, plan: &Plan) -> bool {
    let name = plan.name.as_deref();
    name.is_some()
        && asked_path(task).as_deref() == Some(plan.volumes.trim_end_matches('/'))
        && asked_body(task).get("Name").and_then(Value::as_str) == name
}

/// The same of one that deletes it.
fn deletes(task: &Resource, volume: &Volume) -> bool {
    task.text("/Payload/HttpOperation") == Some("DELETE")
        && asked_path(task).as_deref() == Some(volume.path.trim_end_matches('/'))
}

fn stands_there(controllers: &[Controller], name: Option<&str>) -> bool {
    let Some(name) = name else { return false };
    controllers
        .iter()
        .flat_map(|controller| controller.volumes.iter())
        .any(|volume| volume.name == name)
}

impl System {
    /// The BMC's tasks that may be about volumes. Where it keeps them from us there are none: they only help after a crash.
    async fn volume_tasks(&self, is_needed: bool) -> Result<Vec<Resource>, BmcError> {
        if !is_needed {
            return Ok(Vec::new());
        }
        match self.bmc.tasks_under_way().await {
            Err(BmcError::Refused { .. }) => Ok(Vec::new()),
            tasks => tasks,
        }
    }

    async fn make(&self, plan: &Plan) -> Result<(Option<String>, Restart), BmcError> {
        let body = plan.body();
        let task = self
            .bmc
            .submit(&Request::post(&plan.volumes, &body))
            .await?;
        Ok((task, plan.restart))
    }

    /// Answers with its task, if it has one.
    async fn delete(
        &self,
        volume: &Volume,
        body: Option<&Value>,
    ) -> Result<Option<String>, BmcError> {
        let request = Request {
            body,
            ..Request::delete(&volume.path)
        };
        match self.bmc.submit(&request).await {
            Err(BmcError::Refused { status: 404, .. }) => Ok(None),
            task => task,
        }
    }

    fn cannot(&self, disk: &LogicalDisk, problem: String) -> BmcError {
        let name = disk.volume_name.as_deref().unwrap_or("without a name");
        BmcError::NotOffered {
            address: self.bmc.name().to_owned(),
            wanted: format!(
                "the logical disk '{name}' with RAID level {}",
                disk.raid_level
            ),
            offered: vec![problem],
        }
    }

    async fn verify(&self, operation: &Value) -> Result<Progress, BmcError> {
        let controllers = self.controllers().await?;
        if let Some(deleted) = operation.get("delete") {
            // A record of an older release says of none which it is about: it is about all.
            let paths = deleted.as_array();
            let is_meant = |volume: &&Volume| {
                paths.is_none_or(|paths| paths.iter().any(|path| *path == volume.path))
            };
            let left: Vec<_> = controllers
                .iter()
                .flat_map(|controller| controller.volumes.iter())
                .filter(is_meant)
                .map(|volume| volume.name.as_str())
                .collect();
            return Ok(if left.is_empty() {
                Progress::Done
            } else {
                Progress::Failed(format!(
                    "the BMC's tasks have ended, but there are still volumes: {}",
                    left.join(", ")
                ))
            });
        }
        let names = operation.get("create").and_then(Value::as_array);
        let names = names.into_iter().flatten().filter_map(Value::as_str);
        let missing: Vec<_> = names
            .filter(|name| !stands_there(&controllers, Some(name)))
            .collect();
        Ok(if missing.is_empty() {
            Progress::Done
        } else {
            Progress::Failed(format!(
                "the BMC's tasks have ended, but these volumes are not there: {}",
                missing.join(", ")
            ))
        })
    }
}
