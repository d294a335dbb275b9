//! One fake machine's state.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::hardware_task::Parts;
use super::kept::Kept;
use super::panel::{Lights, lights};
use super::pending::Pending;
use crate::{
    BmcError, BootDevice, BootMode, BootSetting, IndicatorState, Persistence, PowerAction,
    PowerState, TakesEffect,
};

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

/// A machine that is not there. It starts switched off.
#[derive(Debug)]
pub struct FakeMachine {
    name: String,
    state: Mutex<State>,
    /// `None`: it ends with the process.
    kept: Option<Kept>,
}

/// What outlives a restart of whoever manages the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) power: PowerState,
    pub(super) boot: BootSetting,
    pub(super) mode: BootMode,
    pub(super) secure_boot: bool,
    pub(super) lights: Lights,
    /// How many non-maskable interrupts it got.
    pub(super) interrupts: u64,
    /// How often the machine has booted.
    pub(super) boots: u64,
    /// What it booted from last.
    pub(super) booted_from: Option<BootDevice>,
}

#[derive(Debug)]
struct State {
    condition: Condition,
    delay: Duration,
    answer_delay: Duration,
    faults: VecDeque<FakeFault>,
    boots: Vec<Option<BootDevice>>,
    parts: Parts,
    pending: Pending,
    answered: Option<Instant>,
    changes: u64,
}

impl FakeMachine {
    pub(super) fn new(name: &str, kept: Option<Kept>) -> Self {
        let condition = Condition {
            power: PowerState::Off,
            boot: BootSetting {
                device: Some(BootDevice::Disk),
                persistence: Some(Persistence::Continuous),
            },
            mode: BootMode::Uefi,
            secure_boot: false,
            lights: lights(),
            interrupts: 0,
            boots: 0,
            booted_from: None,
        };
        let state = State {
            condition,
            delay: Duration::ZERO,
            answer_delay: Duration::ZERO,
            faults: VecDeque::new(),
            boots: Vec::new(),
            parts: Parts::new(),
            pending: Pending::default(),
            answered: None,
            changes: 0,
        };
        Self {
            name: name.to_owned(),
            state: Mutex::new(state),
            kept,
        }
    }

    /// Every later request takes this long until it has its effect.
    pub fn set_delay(&self, delay: Duration) {
        self.state.lock().delay = delay;
    }

    /// Every later change takes this long from its effect to its answer.
    pub fn set_answer_delay(&self, delay: Duration) {
        self.state.lock().answer_delay = delay;
    }

    /// The next requests fail, one with each fault; reading the lists of settings and firmware does not count.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = FakeFault>) {
        self.state.lock().faults.extend(faults);
    }

    /// From now on what a BMC may finish by itself takes this long; zero: it is done at once.
    pub fn set_task_duration(&self, duration: Duration) {
        self.parts().set_duration(duration);
    }

    /// From now on boot mode and secure boot hold from the next boot on only.
    pub fn set_firmware_at_boot(&self) {
        self.set_firmware_after_start(Duration::ZERO);
    }

    /// The same, once the machine has been starting for this long. One that starts anew begins anew with it.
    pub fn set_firmware_after_start(&self, start_takes: Duration) {
        let pending = &mut self.state.lock().pending;
        (pending.at_boot, pending.start_takes) = (true, start_takes);
    }

    /// How many non-maskable interrupts the machine got, without a request.
    pub fn interrupts(&self) -> u64 {
        self.state.lock().condition.interrupts
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

    /// Switches the machine behind everybody's back. Not for machines that are kept in a file.
    pub fn force_power(&self, power: PowerState) {
        self.state.lock().condition.power = power;
    }

    /// Starts the machine again behind everybody's back, as after a cut in its power; it boots what it is set to. Not for
    /// machines that are kept in a file.
    pub fn force_restart(&self) {
        let mut state = self.state.lock();
        state.condition.power = PowerState::On;
        state.start();
    }

    /// The power state as last seen, without a request.
    pub fn power(&self) -> PowerState {
        self.state.lock().condition.power
    }

    /// The boot mode as last seen, without a request.
    pub fn boot_mode_now(&self) -> BootMode {
        self.state.lock().condition.mode
    }

    /// The boot setting as last seen, without a request.
    pub fn boot(&self) -> BootSetting {
        self.state.lock().condition.boot
    }

    /// What the machine booted from since this process began, in order.
    pub fn boots(&self) -> Vec<Option<BootDevice>> {
        self.state.lock().boots.clone()
    }

    /// How many requests that change something were begun, done or not.
    pub fn changes_begun(&self) -> u64 {
        self.state.lock().changes
    }

    pub(super) fn note_change(&self) {
        self.state.lock().changes += 1;
    }

    /// When the machine answered a request last.
    pub fn answered(&self) -> Option<Instant> {
        self.state.lock().answered
    }

    /// The machine as it is now.
    pub(super) fn look(&self) -> Result<Condition, BmcError> {
        let mut state = self.state.lock();
        if let Some(kept) = &self.kept
            && let Some(condition) = kept.read().map_err(|error| self.unkept(&error))?
        {
            state.condition = condition;
        }
        state.settle();
        Ok(state.condition.clone())
    }

    /// Changes the machine as it is now, whoever else has changed it before.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, BmcError> {
        let mut state = self.state.lock();
        match &self.kept {
            None => {
                state.settle();
                Ok(change(&mut state))
            }
            Some(kept) => state
                .change_kept(kept, change)
                .map_err(|error| self.unkept(&error)),
        }
    }

    fn unkept(&self, error: &std::io::Error) -> BmcError {
        BmcError::Fake {
            address: format!("fake:{}", self.name),
            problem: format!("its state cannot be kept in its file: {error}"),
        }
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

    /// A request for a list that the conductor reads beside what it is about. It has its time, and no fault: those of a
    /// test are for the requests that it means.
    pub(super) async fn glance(&self) {
        let delay = self.state.lock().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        self.state.lock().answered = Some(Instant::now());
    }

    /// What is left of a change: its effect has happened and its answer comes late.
    pub(super) async fn answer(&self) {
        let delay = self.state.lock().answer_delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }

    pub(super) fn switch(&self, action: PowerAction) -> Result<(), BmcError> {
        self.change(|state| {
            let was = state.condition.power;
            state.condition.power = action.leads_to();
            let starts = match action {
                PowerAction::On => was == PowerState::Off,
                PowerAction::Reboot | PowerAction::SoftReboot => true,
                PowerAction::Off | PowerAction::SoftOff => false,
            };
            if starts {
                state.start();
            }
            if state.condition.power == PowerState::Off {
                state.pending.stop();
            }
        })
    }

    pub(super) fn set_mode(&self, mode: BootMode) -> Result<TakesEffect, BmcError> {
        self.change(|state| {
            state.pending.mode = Some(mode);
            let is_so = state.condition.mode == mode;
            state.pending.take_over(&mut state.condition, is_so)
        })
    }

    pub(super) fn set_secure_boot(&self, on: bool) -> Result<TakesEffect, BmcError> {
        self.change(|state| {
            state.pending.secure_boot = Some(on);
            let is_so = state.condition.secure_boot == on;
            state.pending.take_over(&mut state.condition, is_so)
        })
    }

    pub(super) fn light_up(&self, light: String, to: IndicatorState) -> Result<(), BmcError> {
        self.change(|state| {
            state.condition.lights.insert(light, to);
        })
    }

    pub(super) fn interrupt(&self) -> Result<(), BmcError> {
        self.change(|state| state.condition.interrupts += 1)
    }

    pub(super) fn set_boot(
        &self,
        device: BootDevice,
        persistence: Persistence,
        mode: Option<BootMode>,
    ) -> Result<BootSetting, BmcError> {
        self.change(|state| {
            let condition = &mut state.condition;
            condition.boot = BootSetting {
                device: Some(device),
                persistence: Some(persistence),
            };
            condition.mode = mode.unwrap_or(condition.mode);
            condition.boot
        })
    }
}

impl State {
    fn change_kept<T>(
        &mut self,
        kept: &Kept,
        change: impl FnOnce(&mut Self) -> T,
    ) -> std::io::Result<T> {
        let _lock = kept.lock()?;
        if let Some(condition) = kept.read()? {
            self.condition = condition;
        }
        let outcome = change(self);
        kept.write(&self.condition)?;
        Ok(outcome)
    }

    fn settle(&mut self) {
        self.pending.settle(&mut self.condition);
    }

    /// A boot uses up a setting for one boot; the disk is what remains.
    fn start(&mut self) {
        self.pending.start(&mut self.condition);
        let condition = &mut self.condition;
        condition.boots += 1;
        condition.booted_from = condition.boot.device;
        self.boots.push(condition.boot.device);
        if condition.boot.persistence == Some(Persistence::Once) {
            condition.boot = BootSetting {
                device: Some(BootDevice::Disk),
                persistence: Some(Persistence::Continuous),
            };
        }
    }
}
