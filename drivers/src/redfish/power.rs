//! Power by the reset action of a system. An action counts as done when the machine has been seen in its state.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::System;
use super::exchange::allowable_values;
use super::patch::is_about_body;
use super::resource::Resource;
use crate::{BmcError, OffAllowed, Power, PowerAction, PowerState};

/// The longest pause between two looks while an operating system shuts down.
const LONGEST_POLL: Duration = Duration::from_secs(5);
/// The longest wait for a state, whatever the caller says; sums of times stay within what a clock can show.
const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

const ON: &[&str] = &["On", "ForceOn"];
const OFF: &[&str] = &["ForceOff"];
/// The power button is a request to shut down while the machine is on.
const SOFT_OFF: &[&str] = &["GracefulShutdown", "PushPowerButton"];
/// For BMCs that cannot switch off, and machines that must not be; whether one restarted cannot be seen then.
const RESTART: &[&str] = &["ForceRestart", "PowerCycle"];
const SOFT_RESTART: &[&str] = &["GracefulRestart"];

#[async_trait]
impl Power for System {
    async fn get(&self) -> Result<Option<PowerState>, BmcError> {
        Ok(match said(&self.read().await?) {
            "On" | "PoweringOn" => Some(PowerState::On),
            "Off" | "PoweringOff" => Some(PowerState::Off),
            _ => None,
        })
    }

    async fn set(&self, action: PowerAction, timeout: Option<Duration>) -> Result<(), BmcError> {
        let leg = |wanted, types| Leg {
            action,
            timeout,
            wanted,
            types,
        };
        let on = leg(PowerState::On, ON);
        match action {
            PowerAction::On => self.reach(on).await,
            PowerAction::Off => self.reach(leg(PowerState::Off, OFF)).await,
            PowerAction::SoftOff => self.reach(leg(PowerState::Off, SOFT_OFF)).await,
            PowerAction::Reboot => self.restart(leg(PowerState::Off, OFF), on, RESTART).await,
            PowerAction::SoftReboot => {
                self.restart(leg(PowerState::Off, SOFT_OFF), on, SOFT_RESTART)
                    .await
            }
        }
    }

    async fn supported(&self) -> Result<Vec<PowerAction>, BmcError> {
        let Some(offered) = self.offered(&self.read().await?).await? else {
            return Ok(PowerAction::ALL.to_vec());
        };
        let any = |types: &[&str]| {
            types
                .iter()
                .any(|reset| offered.iter().any(|offered| offered == reset))
        };
        let is_offered = |action: &PowerAction| match action {
            PowerAction::On => any(ON),
            PowerAction::Off => any(OFF),
            PowerAction::SoftOff => any(SOFT_OFF),
            PowerAction::Reboot => any(RESTART) || (any(OFF) && any(ON)),
            PowerAction::SoftReboot => any(SOFT_RESTART) || (any(SOFT_OFF) && any(ON)),
        };
        Ok(PowerAction::ALL.into_iter().filter(is_offered).collect())
    }
}

/// A way to a state by one of some reset types, as part of an action.
#[derive(Clone, Copy)]
struct Leg {
    action: PowerAction,
    /// The caller's bound for the wait.
    timeout: Option<Duration>,
    wanted: PowerState,
    types: &'static [&'static str],
}

impl System {
    /// Brings the machine into a state, and does nothing where it is there already.
    async fn reach(&self, leg: Leg) -> Result<(), BmcError> {
        let system = self.read().await?;
        if is_in(&system, leg.wanted) {
            return Ok(());
        }
        let is_on_its_way = leg.wanted == PowerState::On && said(&system) == "PoweringOn";
        let deadline = Instant::now() + self.limit(leg);
        let sent = if is_on_its_way {
            Ok(())
        } else {
            self.reset(&system, leg, deadline).await
        };
        match sent {
            // Nobody knows whether it was done; the machine's state tells.
            Err(error) if may_have_been_done(&error) => {
                self.wait_for(leg, deadline).await.map_err(|_| error)
            }
            Err(error) => Err(error),
            Ok(()) => self.wait_for(leg, deadline).await,
        }
    }

    /// Off, then on, because both can be seen; a restart cannot. The restart types are for BMCs without the others, and
    /// for machines that must not be switched off.
    async fn restart(
        &self,
        off: Leg,
        on: Leg,
        restart: &'static [&'static str],
    ) -> Result<(), BmcError> {
        let system = self.read().await?;
        if is_in(&system, PowerState::Off) {
            return self.reach(on).await;
        }
        let offered = self.offered(&system).await?;
        let types = choose(offered.as_deref(), restart);
        let in_one = match self.off_allowed {
            OffAllowed::No => true,
            OffAllowed::Yes => {
                choose(offered.as_deref(), off.types).is_empty() && !types.is_empty()
            }
        };
        if !in_one {
            self.reach(off).await?;
            return self.reach(on).await;
        }
        if types.is_empty() {
            let types = restart;
            return Err(self.not_offered(Leg { types, ..on }, offered));
        }
        let deadline = Instant::now() + self.limit(on);
        self.send_first_taken(&system, &types).await?;
        self.wait_for(on, deadline).await
    }

    fn not_offered(&self, leg: Leg, offered: Option<Vec<String>>) -> BmcError {
        BmcError::NotOffered {
            address: self.bmc.name().to_owned(),
            wanted: format!("'{}' ({})", leg.action.name(), leg.types.join(" or ")),
            offered: offered.unwrap_or_default(),
        }
    }

    /// Sends a reset. One that the BMC cannot take right now (409) is sent again until the deadline.
    async fn reset(&self, system: &Resource, leg: Leg, deadline: Instant) -> Result<(), BmcError> {
        let offered = self.offered(system).await?;
        let types = choose(offered.as_deref(), leg.types);
        if types.is_empty() {
            return Err(self.not_offered(leg, offered));
        }
        loop {
            let error = match self.send_first_taken(system, &types).await {
                Err(error) if is_about_body(&error) => error,
                other => return other,
            };
            // The machine may have got there by itself, which BMCs answer with an error.
            if is_in(&self.read().await?, leg.wanted) {
                return Ok(());
            }
            if !is_busy(&error) || Instant::now() >= deadline {
                return Err(error);
            }
            sleep(self.bmc.settings().poll_interval).await;
        }
    }

    /// Sends one reset type after the other until the BMC takes one; the last refusal is the answer.
    pub(super) async fn send_first_taken(
        &self,
        system: &Resource,
        types: &[&str],
    ) -> Result<(), BmcError> {
        let default = format!("{}/Actions/ComputerSystem.Reset", system.path);
        let target = system.text("/Actions/#ComputerSystem.Reset/target");
        let mut refused = Ok(());
        for reset in types {
            let body = json!({"ResetType": reset});
            match self.bmc.post(target.unwrap_or(&default), &body).await {
                Err(error) if is_about_body(&error) && !is_busy(&error) => refused = Err(error),
                other => return other,
            }
        }
        refused
    }

    /// Looks at the state until it is the wanted one. A BMC may drop out for a moment meanwhile.
    async fn wait_for(&self, leg: Leg, deadline: Instant) -> Result<(), BmcError> {
        let mut pause = self.bmc.settings().poll_interval;
        loop {
            let last = match self.read().await {
                Ok(system) if is_in(&system, leg.wanted) => return Ok(()),
                Ok(system) => format!("'{}'", said(&system)),
                Err(error) if error.is_transient() => "nothing".to_owned(),
                Err(error) => return Err(error),
            };
            if Instant::now() >= deadline {
                let (address, waited) = (self.bmc.name().to_owned(), self.limit(leg));
                return Err(BmcError::PowerNotReached {
                    address,
                    action: leg.action,
                    wanted: leg.wanted,
                    last,
                    waited,
                });
            }
            sleep(pause).await;
            if leg.action.is_soft() {
                pause = (pause + self.bmc.settings().poll_interval / 2).min(LONGEST_POLL);
            }
        }
    }

    fn limit(&self, leg: Leg) -> Duration {
        let settings = self.bmc.settings();
        let is_slow = leg.action.is_soft() && leg.wanted == PowerState::Off;
        let configured = if is_slow {
            settings.soft_power_off_timeout
        } else {
            settings.power_state_change_timeout
        };
        leg.timeout.unwrap_or(configured).min(LONGEST_WAIT)
    }

    /// The reset types that the BMC lists, beside the action or in a resource of its own; `None`: nowhere.
    pub(super) async fn offered(&self, system: &Resource) -> Result<Option<Vec<String>>, BmcError> {
        if let Some(listed) =
            system.texts("/Actions/#ComputerSystem.Reset/ResetType@Redfish.AllowableValues")
        {
            return Ok(Some(listed));
        }
        let Some(path) = system.text("/Actions/#ComputerSystem.Reset/@Redfish.ActionInfo") else {
            return Ok(None);
        };
        let info = self.bmc.get(path).await?;
        Ok(info
            .value("")
            .and_then(|info| allowable_values(info, "ResetType")))
    }
}

/// The reset types to try: those that are listed, in our order, or our first where nothing is listed.
fn choose(offered: Option<&[String]>, types: &[&'static str]) -> Vec<&'static str> {
    match offered {
        Some(offered) => types
            .iter()
            .copied()
            .filter(|name| offered.iter().any(|offered| offered == name))
            .collect(),
        None => types.iter().copied().take(1).collect(),
    }
}

/// Whether the failure leaves open what the BMC did.
fn may_have_been_done(error: &BmcError) -> bool {
    matches!(
        error,
        BmcError::NoAnswer { .. }
            | BmcError::Exchange { .. }
            | BmcError::Refused {
                status: 500 | 502 | 504,
                ..
            }
    )
}

/// Whether the BMC would take the same request in a moment.
fn is_busy(error: &BmcError) -> bool {
    matches!(error, BmcError::Refused { status: 409, .. })
}

/// What the BMC says, in Redfish's words.
fn said(system: &Resource) -> &str {
    system.text("/PowerState").unwrap_or("unknown")
}

/// Whether the machine is in a state, not only on its way there.
fn is_in(system: &Resource, wanted: PowerState) -> bool {
    match wanted {
        PowerState::On => said(system) == "On",
        PowerState::Off => said(system) == "Off",
    }
}
