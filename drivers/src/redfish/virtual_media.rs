//! Virtual drives by the `VirtualMedia` of a system or, on older BMCs, of its managers.
//!
//! The BMC fetches the image itself. What BMCs want to be told of it differs, so it is said in one way after the other.

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tracing::debug;

use super::System;
use super::exchange::Request;
use super::patch::{is_about_body, patch};
use super::resource::Resource;
use super::task::TaskState;
use crate::{BmcError, MediaDevice, MediaSlot, VirtualMedia};

/// How often an image is put into a drive whose BMC fails with an error of its own: it may still be emptying it.
const ATTEMPTS: u32 = 3;

#[async_trait]
impl VirtualMedia for System {
    async fn slots(&self) -> Result<Vec<MediaSlot>, BmcError> {
        Ok(self.media_drives().await?.iter().map(slot).collect())
    }

    async fn attach(&self, device: MediaDevice, image_url: &str) -> Result<(), BmcError> {
        let drives = self.media_drives().await?;
        let fitting: Vec<_> = drives.iter().filter(|drive| fits(drive, device)).collect();
        for drive in &fitting {
            // What stays in it shows when the image is put in.
            if let Err(error) = self.eject(drive).await {
                debug!(bmc = self.bmc.name(), drive = drive.path, %error, "emptying a drive failed");
            }
        }
        let mut refused = None;
        for drive in fitting {
            match self.insert(drive, image_url).await {
                // Some drives are for people at the BMC's console only.
                Err(error) if is_about_body(&error) => refused = Some(error),
                other => return other,
            }
        }
        Err(refused.unwrap_or_else(|| self.no_drive(device, &drives)))
    }

    async fn detach(&self, devices: &[MediaDevice]) -> Result<(), BmcError> {
        for drive in self.all_drives().await? {
            if devices.iter().any(|device| fits(&drive, *device)) {
                self.eject(&drive).await?;
            }
        }
        Ok(())
    }
}

impl System {
    /// Those of the system, and where it has none those of the first manager that has some.
    async fn media_drives(&self) -> Result<Vec<Resource>, BmcError> {
        let system = System::read(self).await?;
        if system.link("/VirtualMedia").is_some() {
            return self.drives_of(&system).await;
        }
        for manager in managers(&system) {
            let drives = self.drives_of(&self.bmc.get(&manager).await?).await?;
            if !drives.is_empty() {
                return Ok(drives);
            }
        }
        Err(BmcError::NotOffered {
            address: self.bmc.name().to_owned(),
            wanted: "virtual media (neither the system nor its managers have VirtualMedia)"
                .to_owned(),
            offered: vec!["what their other resources hold".to_owned()],
        })
    }

    /// Wherever somebody may have put something.
    async fn all_drives(&self) -> Result<Vec<Resource>, BmcError> {
        let system = System::read(self).await?;
        let mut drives = self.drives_of(&system).await?;
        for manager in managers(&system) {
            let manager = self.bmc.get(&manager).await?;
            // Some BMCs show the same drives at both.
            if manager.link("/VirtualMedia") != system.link("/VirtualMedia") {
                drives.extend(self.drives_of(&manager).await?);
            }
        }
        Ok(drives)
    }

    async fn drives_of(&self, holder: &Resource) -> Result<Vec<Resource>, BmcError> {
        let Some(path) = holder.link("/VirtualMedia") else {
            return Ok(Vec::new());
        };
        let mut drives = Vec::new();
        for path in self.bmc.get(path).await?.members() {
            drives.push(self.bmc.get(&path).await?);
        }
        Ok(drives)
    }

    async fn insert(&self, drive: &Resource, image_url: &str) -> Result<(), BmcError> {
        let Some(target) = drive.text("/Actions/#VirtualMedia.InsertMedia/target") else {
            let body = json!({"Image": image_url, "Inserted": true, "WriteProtected": true});
            return patch(&self.bmc, drive, &body).await;
        };
        let mut refused = Ok(());
        for body in bodies(image_url) {
            match self.insert_patiently(target, &body).await {
                Err(error @ BmcError::Refused { status: 400, .. }) => refused = Err(error),
                other => return other,
            }
        }
        refused
    }

    async fn insert_patiently(&self, target: &str, body: &Value) -> Result<(), BmcError> {
        for _ in 1..ATTEMPTS {
            match self.act(target, body).await {
                Err(BmcError::Refused { status, .. }) if status >= 500 && status != 501 => {
                    sleep(self.bmc.settings().poll_interval).await;
                }
                other => return other,
            }
        }
        self.act(target, body).await
    }

    async fn eject(&self, drive: &Resource) -> Result<(), BmcError> {
        if !is_full(drive) {
            return Ok(());
        }
        match drive.text("/Actions/#VirtualMedia.EjectMedia/target") {
            Some(target) => self.act(target, &json!({})).await,
            None => {
                let body = json!({"Image": null, "Inserted": false});
                patch(&self.bmc, drive, &body).await
            }
        }
    }

    /// An action with its end, where the BMC goes on with it by itself.
    async fn act(&self, target: &str, body: &Value) -> Result<(), BmcError> {
        let request = Request::post(target, body);
        let Some(task) = self.bmc.submit(&request).await? else {
            return Ok(());
        };
        let limit = self.bmc.settings().call_timeout;
        let deadline = Instant::now() + limit;
        loop {
            match self.bmc.task(&task).await? {
                TaskState::Ended => return Ok(()),
                TaskState::Failed(problem) => return Err(self.bmc.unusable(&request, &problem)),
                TaskState::Running if Instant::now() >= deadline => {
                    return Err(BmcError::NoAnswer {
                        address: self.bmc.name().to_owned(),
                        request: request.name(),
                        limit,
                    });
                }
                TaskState::Running => sleep(self.bmc.settings().poll_interval).await,
            }
        }
    }

    fn no_drive(&self, device: MediaDevice, drives: &[Resource]) -> BmcError {
        let offered: Vec<_> = drives.iter().flat_map(types).collect();
        BmcError::NotOffered {
            address: self.bmc.name().to_owned(),
            wanted: format!("a virtual drive of the kind {}", device.name()),
            offered: match offered.is_empty() {
                true => vec!["none".to_owned()],
                false => offered,
            },
        }
    }
}

/// The ways to say it, the shortest first: some BMCs refuse what is only the default.
fn bodies(image_url: &str) -> [Value; 3] {
    let scheme = image_url.split_once("://").map_or("", |(scheme, _)| scheme);
    let protocol = match scheme.to_ascii_uppercase().as_str() {
        "SMB" => "CIFS".to_owned(),
        other => other.to_owned(),
    };
    [
        json!({"Image": image_url}),
        json!({"Image": image_url, "TransferProtocolType": protocol}),
        json!({"Image": image_url, "TransferProtocolType": protocol, "TransferMethod": "Stream"}),
    ]
}

fn managers(system: &Resource) -> Vec<String> {
    let managers = system.value("/Links/ManagedBy").and_then(Value::as_array);
    let link = |manager: &Value| Some(manager.get("@odata.id")?.as_str()?.to_owned());
    managers.into_iter().flatten().filter_map(link).collect()
}

fn types(drive: &Resource) -> Vec<String> {
    drive.texts("/MediaTypes").unwrap_or_default()
}

fn fits(drive: &Resource, device: MediaDevice) -> bool {
    let types = types(drive);
    let names = device.media_types();
    types.iter().any(|kind| names.contains(&kind.as_str()))
}

/// Whether something is in it, also where the BMC shows it by the image only.
fn is_full(drive: &Resource) -> bool {
    let image = drive.text("/Image").is_some_and(|image| !image.is_empty());
    let inserted = drive.value("/Inserted").and_then(Value::as_bool);
    inserted.unwrap_or(image)
}

fn slot(drive: &Resource) -> MediaSlot {
    MediaSlot {
        media_types: types(drive),
        inserted: drive.value("/Inserted").and_then(Value::as_bool),
        image: drive.text("/Image").map(str::to_owned),
    }
}
