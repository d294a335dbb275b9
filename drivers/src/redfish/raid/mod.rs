//! RAID volumes by the `Volumes` of a system's storage subsystems.
//!
//! What is asked for twice is done once: volumes that stand there under their name are not made again, and deleting goes
//! over those that are left. When the tasks of an operation have ended, the volumes are read back: a task that the BMC has
//! forgotten proves nothing.

mod level;
mod plan;
mod storage;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::System;
use super::exchange::Request;
use super::task::TaskState;
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
        let names: Vec<_> = wanted
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
        for plan in &plans {
            begun.add(self.make(plan).await?);
        }
        Ok(begun.answer(&json!({"create": names})))
    }

    async fn delete_all(&self) -> Result<Started, BmcError> {
        let mut begun = Begun::default();
        for controller in self.controllers().await? {
            let (apply_time, restart) = controller.acts();
            let body = apply_time.map(|time| json!({"@Redfish.OperationApplyTime": time}));
            for volume in &controller.volumes {
                let request = Request {
                    body: body.as_ref(),
                    ..Request::delete(&volume.path)
                };
                match self.bmc.submit(&request).await {
                    // Without a task the volume is gone, whenever the controller acts.
                    Ok(None) => {}
                    Ok(task) => begun.add((task, restart)),
                    Err(BmcError::Refused { status: 404, .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(begun.answer(&json!({"delete": true})))
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

fn stands_there(controllers: &[Controller], name: Option<&str>) -> bool {
    let Some(name) = name else { return false };
    controllers
        .iter()
        .flat_map(|controller| controller.volumes.iter())
        .any(|volume| volume.name == name)
}

impl System {
    async fn make(&self, plan: &Plan) -> Result<(Option<String>, Restart), BmcError> {
        let body = plan.body();
        let task = self
            .bmc
            .submit(&Request::post(&plan.volumes, &body))
            .await?;
        Ok((task, plan.restart))
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
        if operation.get("delete").is_some() {
            let left: Vec<_> = controllers
                .iter()
                .flat_map(|controller| controller.volumes.iter())
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
