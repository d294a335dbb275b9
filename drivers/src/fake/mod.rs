//! Machines that do not exist, for `fake-hardware`.
//!
//! A machine is its state, in memory or in a file, and the faults that a test asks of it; nothing here stands in for
//! real hardware outside tests of the API and of the conductor.

mod handle;
mod hardware_task;
mod kept;
mod machine;
mod parts;
mod steps;
#[cfg(test)]
mod task_tests;
#[cfg(test)]
mod tests;
mod watches;

pub(crate) use handle::FakeHandle;
pub(crate) use steps::STEPS;
pub(crate) use watches::WATCHES;

pub use machine::{FakeFault, FakeMachine, FakeMachines};

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    BmcError, BootDevice, BootMode, BootSetting, Management, Persistence, Power, PowerAction,
    PowerState,
};

#[async_trait]
impl Power for FakeMachine {
    async fn get(&self) -> Result<Option<PowerState>, BmcError> {
        self.request("reading power").await?;
        Ok(Some(self.look()?.power))
    }

    async fn set(&self, action: PowerAction, _timeout: Option<Duration>) -> Result<(), BmcError> {
        self.request("setting power").await?;
        self.switch(action)?;
        self.answer().await;
        Ok(())
    }

    async fn supported(&self) -> Result<Vec<PowerAction>, BmcError> {
        self.request("reading power actions").await?;
        Ok(PowerAction::ALL.to_vec())
    }
}

#[async_trait]
impl Management for FakeMachine {
    async fn boot_device(&self) -> Result<BootSetting, BmcError> {
        self.request("reading boot device").await?;
        Ok(self.look()?.boot)
    }

    async fn set_boot_device(
        &self,
        device: BootDevice,
        persistence: Persistence,
        mode: Option<BootMode>,
    ) -> Result<BootSetting, BmcError> {
        self.request("setting boot device").await?;
        let set = self.set_boot(device, persistence, mode)?;
        self.answer().await;
        Ok(set)
    }

    async fn supported_boot_devices(&self) -> Result<Vec<BootDevice>, BmcError> {
        self.request("reading boot devices").await?;
        Ok(vec![BootDevice::Pxe, BootDevice::Disk, BootDevice::Cdrom])
    }

    async fn boot_mode(&self) -> Result<Option<BootMode>, BmcError> {
        self.request("reading boot mode").await?;
        Ok(Some(self.look()?.mode))
    }

    async fn set_boot_mode(&self, mode: BootMode) -> Result<(), BmcError> {
        self.request("setting boot mode").await?;
        self.set_mode(mode)?;
        self.answer().await;
        Ok(())
    }
}
