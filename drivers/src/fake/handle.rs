//! A fake machine as one of its users sees it: what changes it needs that user's leave, as at a real BMC.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::FakeMachine;
use crate::permit::Gate;
use crate::{
    Bios, BiosSetting, BmcError, BootDevice, BootMode, BootSetting, Component, Firmware,
    FirmwareComponent, FirmwareImage, Indicator, IndicatorState, Indicators, KeysReset,
    LogicalDisk, Management, MediaDevice, MediaSlot, Persistence, Power, PowerAction, PowerState,
    Progress, Raid, SecureBoot, SecureBootState, SensorReading, Sensors, Started, TakesEffect,
    VirtualMedia,
};

/// The machine is shared by all who manage it, the leave is not.
pub(crate) struct FakeHandle {
    pub(crate) machine: Arc<FakeMachine>,
    pub(crate) gate: Gate,
    /// How long one call may take.
    pub(crate) limit: Duration,
}

impl FakeHandle {
    /// To be asked before anything that changes the machine.
    pub(super) fn check(&self, request: &str) -> Result<(), BmcError> {
        self.gate
            .check(self.limit, &self.machine.address(), request)?;
        self.machine.note_change();
        Ok(())
    }
}

#[async_trait]
impl Power for FakeHandle {
    async fn get(&self) -> Result<Option<PowerState>, BmcError> {
        Power::get(self.machine.as_ref()).await
    }

    async fn set(&self, action: PowerAction, timeout: Option<Duration>) -> Result<(), BmcError> {
        self.check("setting power")?;
        Power::set(self.machine.as_ref(), action, timeout).await
    }

    async fn supported(&self) -> Result<Vec<PowerAction>, BmcError> {
        self.machine.supported().await
    }
}

#[async_trait]
impl Management for FakeHandle {
    async fn boot_device(&self) -> Result<BootSetting, BmcError> {
        self.machine.boot_device().await
    }

    async fn set_boot_device(
        &self,
        device: BootDevice,
        persistence: Persistence,
        mode: Option<BootMode>,
    ) -> Result<BootSetting, BmcError> {
        self.check("setting boot device")?;
        self.machine
            .set_boot_device(device, persistence, mode)
            .await
    }

    async fn supported_boot_devices(&self) -> Result<Vec<BootDevice>, BmcError> {
        self.machine.supported_boot_devices().await
    }

    async fn boot_mode(&self) -> Result<Option<BootMode>, BmcError> {
        self.machine.boot_mode().await
    }

    async fn set_boot_mode(&self, mode: BootMode) -> Result<TakesEffect, BmcError> {
        self.check("setting boot mode")?;
        self.machine.set_boot_mode(mode).await
    }

    async fn inject_nmi(&self) -> Result<(), BmcError> {
        self.check("sending an NMI")?;
        self.machine.inject_nmi().await
    }
}

#[async_trait]
impl SecureBoot for FakeHandle {
    async fn state(&self) -> Result<Option<SecureBootState>, BmcError> {
        self.machine.state().await
    }

    async fn set_state(&self, state: SecureBootState) -> Result<TakesEffect, BmcError> {
        self.check("switching secure boot")?;
        self.machine.set_state(state).await
    }

    async fn reset_keys(&self, reset: KeysReset) -> Result<(), BmcError> {
        self.check("resetting the secure boot keys")?;
        self.machine.reset_keys(reset).await
    }
}

#[async_trait]
impl Indicators for FakeHandle {
    async fn list(&self) -> Result<Vec<Indicator>, BmcError> {
        self.machine.list().await
    }

    async fn get(&self, component: Component, name: &str) -> Result<IndicatorState, BmcError> {
        Indicators::get(self.machine.as_ref(), component, name).await
    }

    async fn set(
        &self,
        component: Component,
        name: &str,
        state: IndicatorState,
    ) -> Result<(), BmcError> {
        self.check("switching an indicator")?;
        Indicators::set(self.machine.as_ref(), component, name, state).await
    }
}

#[async_trait]
impl Bios for FakeHandle {
    async fn settings(&self) -> Result<Map<String, Value>, BmcError> {
        self.machine.settings().await
    }

    async fn described_settings(&self) -> Result<Vec<BiosSetting>, BmcError> {
        self.machine.described_settings().await
    }

    async fn apply_configuration(&self, settings: Map<String, Value>) -> Result<Started, BmcError> {
        self.check("writing BIOS settings")?;
        self.machine.apply_configuration(settings).await
    }

    async fn factory_reset(&self) -> Result<Started, BmcError> {
        self.check("resetting BIOS settings")?;
        self.machine.factory_reset().await
    }

    async fn poll(&self, record: &Value) -> Result<Progress, BmcError> {
        Bios::poll(self.machine.as_ref(), record).await
    }
}

#[async_trait]
impl Raid for FakeHandle {
    async fn logical_disks(&self) -> Result<Vec<Value>, BmcError> {
        self.machine.logical_disks().await
    }

    async fn create(&self, wanted: Vec<LogicalDisk>) -> Result<Started, BmcError> {
        self.check("creating volumes")?;
        self.machine.create(wanted).await
    }

    async fn delete_all(&self) -> Result<Started, BmcError> {
        self.check("deleting volumes")?;
        self.machine.delete_all().await
    }

    async fn poll(&self, record: &Value) -> Result<Progress, BmcError> {
        Raid::poll(self.machine.as_ref(), record).await
    }
}

#[async_trait]
impl Firmware for FakeHandle {
    async fn components(&self) -> Result<Vec<FirmwareComponent>, BmcError> {
        self.machine.components().await
    }

    async fn update(&self, image: FirmwareImage) -> Result<Started, BmcError> {
        self.check("updating firmware")?;
        self.machine.update(image).await
    }

    async fn poll(&self, record: &Value) -> Result<Progress, BmcError> {
        Firmware::poll(self.machine.as_ref(), record).await
    }
}

#[async_trait]
impl Sensors for FakeHandle {
    async fn read(&self) -> Result<Vec<SensorReading>, BmcError> {
        self.machine.read().await
    }
}

#[async_trait]
impl VirtualMedia for FakeHandle {
    async fn slots(&self) -> Result<Vec<MediaSlot>, BmcError> {
        self.machine.slots().await
    }

    async fn attach(&self, device: MediaDevice, image_url: &str) -> Result<(), BmcError> {
        self.check("attaching virtual media")?;
        self.machine.attach(device, image_url).await
    }

    async fn detach(&self, devices: &[MediaDevice]) -> Result<(), BmcError> {
        self.check("detaching virtual media")?;
        self.machine.detach(devices).await
    }
}
