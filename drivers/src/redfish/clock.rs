//! The BMC's clock: `DateTime` of the manager that manages the system.

use async_trait::async_trait;
use serde_json::json;

use super::System;
use super::exchange::Request;
use super::patch::patch;
use super::resource::Resource;
use crate::{BmcClock, BmcError, ClockReading};

#[async_trait]
impl BmcClock for System {
    async fn read(&self) -> Result<ClockReading, BmcError> {
        let manager = self.manager().await?;
        let Some(datetime) = manager.text("/DateTime") else {
            let request = Request::get(&manager.path);
            return Err(self.bmc.unusable(&request, "it has no DateTime"));
        };
        Ok(ClockReading {
            datetime: datetime.to_owned(),
            local_offset: manager.text("/DateTimeLocalOffset").map(str::to_owned),
        })
    }

    async fn set(&self, reading: ClockReading) -> Result<(), BmcError> {
        let manager = self.manager().await?;
        let mut body = json!({"DateTime": reading.datetime});
        if let Some(offset) = reading.local_offset {
            body["DateTimeLocalOffset"] = offset.into();
        }
        patch(&self.bmc, &manager, &body).await
    }
}

impl System {
    /// The manager of this system: the first that it names, else the first of the BMC.
    pub(super) async fn manager(&self) -> Result<Resource, BmcError> {
        let system = System::read(self).await?;
        if let Some(path) = system.link("/Links/ManagedBy/0") {
            return self.bmc.get(path).await;
        }
        let managers = self.bmc.get("/redfish/v1/Managers").await?;
        match managers.members().first() {
            Some(path) => self.bmc.get(path).await,
            None => Err(self
                .bmc
                .unusable(&Request::get(&managers.path), "it has no members")),
        }
    }
}
