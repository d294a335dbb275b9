//! Firmware by `UpdateService.SimpleUpdate`: the BMC fetches the image and goes on with a task.
//!
//! Whether an update was begun already is seen in the BMC's list of tasks.

use async_trait::async_trait;
use serde_json::{Value, json};
use tracing::warn;

use super::System;
use super::bmc::ROOT;
use super::exchange::Request;
use super::resource::Resource;
use super::task::{TaskState, asked_body, asked_path};
use super::watches::SPACING;
use crate::{BmcError, Firmware, FirmwareComponent, FirmwareImage, Progress, Restart, Started};

#[async_trait]
impl Firmware for System {
    async fn components(&self) -> Result<Vec<FirmwareComponent>, BmcError> {
        let system = System::read(self).await?;
        let bios = component("bios", &system, "/BiosVersion");
        let manager = self.manager().await.inspect_err(
            |error| warn!(bmc = self.bmc.name(), %error, "the BMC's own firmware is not told"),
        );
        let bmc = manager.ok().and_then(|manager| {
            let bmc = component("bmc", &manager, "/FirmwareVersion")?;
            let model = manager.text("/Model").map(str::to_owned);
            Some(FirmwareComponent { model, ..bmc })
        });
        let adapters = self.adapters(&system).await.inspect_err(
            |error| warn!(bmc = self.bmc.name(), %error, "the network adapters' firmware is not told"),
        );
        let adapters = adapters.unwrap_or_default();
        Ok(bios.into_iter().chain(bmc).chain(adapters).collect())
    }

    async fn update(&self, image: FirmwareImage) -> Result<Started, BmcError> {
        let restart = self.restart_for(&image.component)?;
        let task = match self.update_under_way(&image.url).await? {
            Some(task) => Some(task),
            None => self.begin_update(&image.url).await?,
        };
        // The job passes that often until the time to wait is over.
        let passes = image.wait.as_secs().div_ceil(SPACING.as_secs());
        if task.is_none() && passes == 0 && restart == Restart::NotNeeded {
            return Ok(Started::Done);
        }
        Ok(Started::Pending {
            record: json!({"component": image.component, "task": task, "passes": passes}),
            restart,
        })
    }

    async fn poll(&self, record: &Value) -> Result<Progress, BmcError> {
        let mut record = record.clone();
        if let Some(task) = record.get("task").and_then(Value::as_str) {
            match self.bmc.task(task).await? {
                TaskState::Running => return Ok(Progress::Pending(record)),
                TaskState::Failed(cause) => return Ok(Progress::Failed(cause)),
                TaskState::Ended => record["task"] = Value::Null,
            }
        }
        match record.get("passes").and_then(Value::as_u64) {
            Some(passes) if passes > 0 => {
                record["passes"] = json!(passes - 1);
                Ok(Progress::Pending(record))
            }
            _ => Ok(Progress::Done),
        }
    }
}

impl System {
    fn restart_for(&self, component: &str) -> Result<Restart, BmcError> {
        match component {
            "bmc" => Ok(Restart::NotNeeded),
            "bios" => Ok(Restart::Needed),
            _ if component.starts_with("nic:") => Ok(Restart::Needed),
            _ => Err(BmcError::NotOffered {
                address: self.bmc.name().to_owned(),
                wanted: format!("the firmware component '{component}'"),
                offered: ["bios", "bmc", "nic: and its id"].map(str::to_owned).into(),
            }),
        }
    }

    async fn begin_update(&self, url: &str) -> Result<Option<String>, BmcError> {
        let root = self.bmc.get(ROOT).await?;
        let path = root
            .link("/UpdateService")
            .unwrap_or("/redfish/v1/UpdateService");
        let service = self.bmc.get(path).await?;
        let default = format!("{}/Actions/UpdateService.SimpleUpdate", service.path);
        let target = service.text("/Actions/#UpdateService.SimpleUpdate/target");
        let mut body = json!({"ImageURI": url});
        if let Some(protocol) = protocol(&service, url) {
            body["TransferProtocol"] = json!(protocol);
        }
        let request = Request::post(target.unwrap_or(&default), &body);
        self.bmc.submit(&request).await
    }

    /// The task of an update with this image that has not ended.
    async fn update_under_way(&self, url: &str) -> Result<Option<String>, BmcError> {
        let tasks = self.bmc.tasks_under_way().await?;
        let update = tasks.into_iter().find(|task| is_update_of(task, url));
        Ok(update.map(|task| task.path))
    }
}

/// A part of which nothing but its version is told.
fn component(name: &str, told_by: &Resource, pointer: &str) -> Option<FirmwareComponent> {
    let version = told_by.text(pointer)?;
    Some(FirmwareComponent {
        component: name.to_owned(),
        version: version.to_owned(),
        vendor: None,
        model: None,
        serial_number: None,
    })
}

/// A task tells what it was asked for by its payload.
fn is_update_of(task: &Resource, url: &str) -> bool {
    let is_update =
        asked_path(task).is_some_and(|path| path.ends_with("UpdateService.SimpleUpdate"));
    is_update && asked_body(task).get("ImageURI").and_then(Value::as_str) == Some(url)
}

/// How the BMC is to fetch the image, where it wants to be told.
fn protocol(service: &Resource, url: &str) -> Option<String> {
    let pointer = "/Actions/#UpdateService.SimpleUpdate/TransferProtocol@Redfish.AllowableValues";
    let known = service.texts(pointer)?;
    let scheme = url.split_once("://")?.0.to_ascii_uppercase();
    known.into_iter().find(|protocol| *protocol == scheme)
}
