//! What a fake machine's firmware was told and has not taken over yet.

use std::time::Duration;

use tokio::time::Instant;

use super::machine::Condition;
use crate::{BootMode, TakesEffect};

#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Whether what is set holds only once the machine has started.
    pub(super) at_boot: bool,
    /// From power on until the firmware has taken it over.
    pub(super) start_takes: Duration,
    pub(super) mode: Option<BootMode>,
    pub(super) secure_boot: Option<bool>,
    started: Option<Instant>,
}

impl Pending {
    /// What was set holds at once, unless the firmware waits for the next boot with what is not so already.
    pub(super) fn take_over(&mut self, condition: &mut Condition, is_so: bool) -> TakesEffect {
        if self.at_boot && !is_so {
            return TakesEffect::AtNextBoot;
        }
        self.apply(condition);
        TakesEffect::Now
    }

    /// The machine starts, also in the middle of starting.
    pub(super) fn start(&mut self, condition: &mut Condition) {
        self.started = Some(Instant::now());
        self.settle(condition);
    }

    /// The machine is off, however far it was.
    pub(super) fn stop(&mut self) {
        self.started = None;
    }

    /// What the firmware has done until now.
    pub(super) fn settle(&mut self, condition: &mut Condition) {
        let since = self.started.map(|started| started.elapsed());
        if since.is_some_and(|since| since >= self.start_takes) {
            self.started = None;
            self.apply(condition);
        }
    }

    /// There is no secure boot but by UEFI.
    fn apply(&mut self, condition: &mut Condition) {
        condition.mode = self.mode.take().unwrap_or(condition.mode);
        let secure_boot = self.secure_boot.take();
        condition.secure_boot =
            secure_boot.unwrap_or(condition.secure_boot) && condition.mode == BootMode::Uefi;
    }
}
