//! Machines that do not exist, for `fake-hardware`.
//!
//! A machine is its state, in memory or in a file, and the faults that a test asks of it; nothing here stands in for
//! real hardware outside tests of the API and of the conductor.

mod console;
mod handle;
mod hardware_task;
mod kept;
mod machine;
mod machines;
mod media;
mod panel;
mod parts;
mod pending;
mod steps;
#[cfg(test)]
mod task_tests;
#[cfg(test)]
mod tests;
mod vendor;
mod watches;

pub(crate) use console::{FakeConsole, OpenConsoles};
pub(crate) use handle::FakeHandle;
pub(crate) use steps::STEPS;
pub(crate) use vendor::VENDOR_METHODS;
pub(crate) use watches::WATCHES;

pub use machine::{FakeFault, FakeMachine};
pub use machines::FakeMachines;

use std::time::Duration;

use async_trait::async_trait;

use hardware_task::SecureBootPart;

use crate::{
    BmcError, BootDevice, BootMode, BootSetting, KeysReset, Management, Persistence, Power,
    PowerAction, PowerState, SecureBoot, SecureBootState, TakesEffect,
};

/// What fake machines can be told to boot from.
const BOOT_DEVICES: [BootDevice; 3] = [BootDevice::Pxe, BootDevice::Disk, BootDevice::Cdrom];

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
        if !BOOT_DEVICES.contains(&device) {
            return Err(BmcError::NotOffered {
                address: self.address(),
                wanted: format!("boot device '{}'", device.name()),
                offered: BOOT_DEVICES.map(|device| device.name().to_owned()).into(),
            });
        }
        let set = self.set_boot(device, persistence, mode)?;
        self.answer().await;
        Ok(set)
    }

    async fn supported_boot_devices(&self) -> Result<Vec<BootDevice>, BmcError> {
        self.request("reading boot devices").await?;
        Ok(BOOT_DEVICES.to_vec())
    }

    async fn boot_mode(&self) -> Result<Option<BootMode>, BmcError> {
        self.request("reading boot mode").await?;
        Ok(Some(self.look()?.mode))
    }

    async fn set_boot_mode(&self, mode: BootMode) -> Result<TakesEffect, BmcError> {
        self.request("setting boot mode").await?;
        let takes_effect = self.set_mode(mode)?;
        self.answer().await;
        Ok(takes_effect)
    }

    async fn inject_nmi(&self) -> Result<(), BmcError> {
        self.request("sending an NMI").await?;
        if self.look()?.power == PowerState::Off {
            return Err(BmcError::NotOffered {
                address: self.address(),
                wanted: "an NMI to a machine that is off".to_owned(),
                offered: vec!["it while the machine is on".to_owned()],
            });
        }
        self.interrupt()?;
        self.answer().await;
        Ok(())
    }
}

#[async_trait]
impl SecureBoot for FakeMachine {
    async fn state(&self) -> Result<Option<SecureBootState>, BmcError> {
        self.request("reading secure boot").await?;
        if matches!(self.parts().secure_boot, SecureBootPart::None) {
            return Ok(None);
        }
        Ok(Some(SecureBootState::of(self.look()?.secure_boot)))
    }

    async fn set_state(&self, state: SecureBootState) -> Result<TakesEffect, BmcError> {
        self.request("switching secure boot").await?;
        let (part, address) = (self.parts().secure_boot.clone(), self.address());
        match part {
            SecureBootPart::Works => {}
            SecureBootPart::Jammed(problem) => return Err(BmcError::Fake { address, problem }),
            SecureBootPart::None => {
                return Err(BmcError::NotOffered {
                    address,
                    wanted: "secure boot".to_owned(),
                    offered: vec!["what its other resources hold".to_owned()],
                });
            }
        }
        if state.is_on() && self.look()?.mode == BootMode::Bios {
            return Err(BmcError::NotOffered {
                address: self.address(),
                wanted: "secure boot in the boot mode bios".to_owned(),
                offered: vec!["it in the boot mode uefi".to_owned()],
            });
        }
        let takes_effect = self.set_secure_boot(state.is_on())?;
        self.answer().await;
        Ok(takes_effect)
    }

    async fn reset_keys(&self, _reset: KeysReset) -> Result<(), BmcError> {
        self.request("resetting the secure boot keys").await
    }
}
