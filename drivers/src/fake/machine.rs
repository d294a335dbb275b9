//! One fake machine's state, and the set of them that a process knows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::hardware_task::Parts;
use crate::{BmcError, BootDevice, BootMode, BootSetting, Persistence, PowerAction, PowerState};

/// What a request to a fake machine fails with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FakeFault {
    /// The BMC does not answer.
    NoAnswer,
    /// The BMC refuses the credentials.
    Credentials,
    /// The driver's own code has a fault.
    Panic,
    /// Anything else, in these words.
    Broken(String),
}

/// A machine in memory. It starts switched off.
#[derive(Debug)]
pub struct FakeMachine {
    name: String,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    power: PowerState,
    boot: BootSetting,
    mode: BootMode,
    delay: Duration,
    faults: VecDeque<FakeFault>,
    boots: Vec<Option<BootDevice>>,
    parts: Parts,
    answered: Option<Instant>,
}

impl FakeMachine {
    fn new(name: &str) -> Self {
        let boot = BootSetting {
            device: Some(BootDevice::Disk),
            persistence: Some(Persistence::Continuous),
        };
        let state = State {
            power: PowerState::Off,
            boot,
            mode: BootMode::Uefi,
            delay: Duration::ZERO,
            faults: VecDeque::new(),
            boots: Vec::new(),
            parts: Parts::new(),
            answered: None,
        };
        Self {
            name: name.to_owned(),
            state: Mutex::new(state),
        }
    }

    /// Every later request takes this long.
    pub fn set_delay(&self, delay: Duration) {
        self.state.lock().delay = delay;
    }

    /// The next requests fail, one with each fault.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = FakeFault>) {
        self.state.lock().faults.extend(faults);
    }

    /// From now on what a BMC may finish by itself takes this long; zero: it is done at once.
    pub fn set_task_duration(&self, duration: Duration) {
        self.parts().set_duration(duration);
    }

    /// The next tasks of the BMC fail at their end, one with each cause.
    pub fn fail_tasks(&self, causes: impl IntoIterator<Item = String>) {
        self.parts().fail_tasks(causes);
    }

    /// How many tasks the BMC has begun so far.
    pub fn tasks_begun(&self) -> u64 {
        self.parts().begun()
    }

    /// The BIOS settings, without a request.
    pub fn bios_settings(&self) -> Map<String, Value> {
        self.parts().bios.clone()
    }

    /// The RAID volumes, without a request.
    pub fn volumes(&self) -> Vec<Value> {
        self.parts().volumes.clone()
    }

    /// The firmware's version of each component, without a request.
    pub fn firmware_versions(&self) -> BTreeMap<String, String> {
        self.parts().firmware.clone()
    }

    pub(super) fn parts(&self) -> MappedMutexGuard<'_, Parts> {
        MutexGuard::map(self.state.lock(), |state| &mut state.parts)
    }

    pub(super) fn address(&self) -> String {
        format!("fake:{}", self.name)
    }

    /// Switches the machine behind everybody's back.
    pub fn force_power(&self, power: PowerState) {
        self.state.lock().power = power;
    }

    /// The power state, without a request.
    pub fn power(&self) -> PowerState {
        self.state.lock().power
    }

    /// The boot setting, without a request.
    pub fn boot(&self) -> BootSetting {
        self.state.lock().boot
    }

    /// What the machine booted from so far, in order.
    pub fn boots(&self) -> Vec<Option<BootDevice>> {
        self.state.lock().boots.clone()
    }

    /// When the machine answered a request last.
    pub fn answered(&self) -> Option<Instant> {
        self.state.lock().answered
    }

    pub(super) fn mode(&self) -> BootMode {
        self.state.lock().mode
    }

    pub(super) fn set_mode(&self, mode: BootMode) {
        self.state.lock().mode = mode;
    }

    /// One request: it takes its time, then fails if a test said so.
    pub(super) async fn request(&self, what: &str) -> Result<(), BmcError> {
        let (delay, fault) = {
            let mut state = self.state.lock();
            (state.delay, state.faults.pop_front())
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        self.state.lock().answered = Some(Instant::now());
        let address = self.address();
        match fault {
            None => Ok(()),
            Some(FakeFault::NoAnswer) => Err(BmcError::NoAnswer {
                address,
                request: what.to_owned(),
                limit: delay,
            }),
            Some(FakeFault::Credentials) => Err(BmcError::Credentials { address }),
            Some(FakeFault::Panic) => panic!("{address}: a test asked for it"),
            Some(FakeFault::Broken(problem)) => Err(BmcError::Fake { address, problem }),
        }
    }

    pub(super) fn switch(&self, action: PowerAction) {
        let mut state = self.state.lock();
        let was = state.power;
        state.power = action.leads_to();
        let starts = match action {
            PowerAction::On => was == PowerState::Off,
            PowerAction::Reboot | PowerAction::SoftReboot => true,
            PowerAction::Off | PowerAction::SoftOff => false,
        };
        if starts {
            state.start();
        }
    }

    pub(super) fn set_boot(
        &self,
        device: BootDevice,
        persistence: Persistence,
        mode: Option<BootMode>,
    ) -> BootSetting {
        let mut state = self.state.lock();
        state.boot = BootSetting {
            device: Some(device),
            persistence: Some(persistence),
        };
        state.mode = mode.unwrap_or(state.mode);
        state.boot
    }
}

impl State {
    /// A boot uses up a setting for one boot; the disk is what remains.
    fn start(&mut self) {
        self.boots.push(self.boot.device);
        if self.boot.persistence == Some(Persistence::Once) {
            self.boot = BootSetting {
                device: Some(BootDevice::Disk),
                persistence: Some(Persistence::Continuous),
            };
        }
    }
}

/// The fake machines by name. Clones share them, so that a test can restart a conductor around them.
#[derive(Clone, Debug, Default)]
pub struct FakeMachines(Arc<Mutex<BTreeMap<String, Arc<FakeMachine>>>>);

impl FakeMachines {
    /// The machine of that name; it comes into being when first asked for.
    pub fn machine(&self, name: &str) -> Arc<FakeMachine> {
        self.0
            .lock()
            .entry(name.to_owned())
            .or_insert_with(|| Arc::new(FakeMachine::new(name)))
            .clone()
    }
}
