//! BMCs: they are slow, fail, answer and forget, and say of the power what is no longer true.

use crate::link::Link;
use crate::machine::Machine;
use crate::standing::Needs;
use crate::world::World;
use async_trait::async_trait;
use ferric_drivers::{
    BmcError, BootDevice, BootMode, BootSetting, Connector, Gate, Hardware, Management,
    Persistence, Power, PowerAction, PowerState, TakesEffect,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The way of one conductor's life to all machines.
pub(crate) struct Bmcs {
    world: Arc<World>,
    link: Arc<Link>,
}

impl Bmcs {
    pub(crate) fn new(world: &Arc<World>, link: &Arc<Link>) -> Self {
        Self {
            world: world.clone(),
            link: link.clone(),
        }
    }
}

impl Connector for Bmcs {
    fn connect(&self, name: &str, gate: &Gate) -> Hardware {
        let machine = self.world.machine_of(name);
        let bmc = Arc::new(Bmc {
            machine: machine.map_or(0, |machine| machine.index),
            world: self.world.clone(),
            link: self.link.clone(),
            gate: gate.clone(),
        });
        Hardware {
            power: bmc.clone(),
            management: Some(bmc),
            clock: None,
            secure_boot: None,
            indicators: None,
            console: None,
            bios: None,
            raid: None,
            firmware: None,
            sensors: None,
            virtual_media: None,
            vendor: None,
        }
    }
}

struct Bmc {
    machine: usize,
    world: Arc<World>,
    link: Arc<Link>,
    gate: Gate,
}

/// The longest time that a call takes.
const LONGEST: Duration = Duration::from_secs(100);

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Good,
    /// Nothing was done.
    Refused,
    /// It was done, and the answer is lost.
    Unanswered,
}

impl Bmc {
    fn machine(&self) -> &Machine {
        &self.world.machines[self.machine]
    }

    fn address(&self) -> String {
        format!("bmc-{}", self.machine)
    }

    /// On its way to the BMC.
    async fn request(&self) -> Fate {
        self.link.pass().await;
        let world = &self.world;
        let fate = match world.fault(world.plan.faults.bmc_error) {
            false => Fate::Good,
            true if world.dice.chance(0.5) => Fate::Refused,
            true => Fate::Unanswered,
        };
        if fate != Fate::Good {
            self.machine().excuse(world, "its BMC fails a request");
        }
        sleep(world.dice.millis(5, 400)).await;
        self.link.arrive().await;
        fate
    }

    /// On its way back.
    async fn answer<T>(&self, fate: Fate, request: &str, answer: T) -> Result<T, BmcError> {
        let error = match fate {
            Fate::Good => None,
            Fate::Refused => Some(BmcError::Refused {
                address: self.address(),
                request: request.to_owned(),
                status: 503,
                message: "busy".to_owned(),
                retry_after: None,
            }),
            Fate::Unanswered => {
                let limit = Duration::from_secs(100);
                sleep(limit).await;
                Some(BmcError::NoAnswer {
                    address: self.address(),
                    request: request.to_owned(),
                    limit,
                })
            }
        };
        sleep(self.world.dice.millis(1, 100)).await;
        self.link.pass().await;
        error.map_or(Ok(answer), Err)
    }

    fn shown(&self) -> PowerState {
        let machine = self.machine();
        let truth = machine.power();
        let mut state = machine.state.lock();
        match state.lie {
            Some((lie, until)) if Instant::now() < until => lie,
            _ => {
                state.lie = None;
                truth
            }
        }
    }

    /// For a while it says what was true before.
    fn may_lie(&self, before: PowerState) {
        let world = &self.world;
        if world.fault(world.plan.faults.bmc_lie) {
            let until = Instant::now() + world.dice.seconds(1, 60);
            self.machine().excuse(world, "its BMC lies about the power");
            self.machine().state.lock().lie = Some((before, until));
        }
    }
}

#[async_trait]
impl Power for Bmc {
    async fn get(&self) -> Result<Option<PowerState>, BmcError> {
        let fate = self.request().await;
        let shown = self.shown();
        self.answer(fate, "reading power", Some(shown)).await
    }

    async fn set(&self, action: PowerAction, _timeout: Option<Duration>) -> Result<(), BmcError> {
        self.link.pass().await;
        self.gate.check(LONGEST, &self.address(), "setting power")?;
        let world = &self.world;
        let observer = &world.observer;
        let _effect = observer.effect(
            world,
            &self.link,
            self.machine,
            (action.name(), Needs::Owner),
        );
        let fate = self.request().await;
        if fate != Fate::Refused {
            let before = self.shown();
            self.machine().check_disturbance(world, &self.link);
            self.machine().switch(world, action);
            self.may_lie(before);
            // Until the machine is as it was told to be.
            sleep(world.dice.millis(500, 4000)).await;
        }
        self.answer(fate, "setting power", ()).await
    }

    async fn supported(&self) -> Result<Vec<PowerAction>, BmcError> {
        Ok(PowerAction::ALL.to_vec())
    }
}

#[async_trait]
impl Management for Bmc {
    async fn boot_device(&self) -> Result<BootSetting, BmcError> {
        let fate = self.request().await;
        let boot = self.machine().state.lock().boot;
        self.answer(fate, "reading boot device", boot).await
    }

    async fn set_boot_device(
        &self,
        device: BootDevice,
        persistence: Persistence,
        mode: Option<BootMode>,
    ) -> Result<BootSetting, BmcError> {
        self.link.pass().await;
        self.gate
            .check(LONGEST, &self.address(), "setting boot device")?;
        let world = &self.world;
        let what = match device {
            BootDevice::Disk => "boot from disk",
            _ => "boot from network",
        };
        let observer = &world.observer;
        let _effect = observer.effect(world, &self.link, self.machine, (what, Needs::Run));
        let fate = self.request().await;
        let set = BootSetting {
            device: Some(device),
            persistence: Some(persistence),
        };
        if fate != Fate::Refused {
            self.machine().check_disturbance(world, &self.link);
            let forgotten = world.fault(world.plan.faults.boot_forgotten);
            if forgotten {
                self.machine()
                    .excuse(world, "its BMC forgets the boot device");
            } else {
                let mut state = self.machine().state.lock();
                state.boot = set;
                state.mode = mode.unwrap_or(state.mode);
            }
        }
        self.answer(fate, "setting boot device", set).await
    }

    async fn supported_boot_devices(&self) -> Result<Vec<BootDevice>, BmcError> {
        Ok(vec![BootDevice::Pxe, BootDevice::Disk])
    }

    async fn boot_mode(&self) -> Result<Option<BootMode>, BmcError> {
        let fate = self.request().await;
        let mode = self.machine().state.lock().mode;
        self.answer(fate, "reading boot mode", Some(mode)).await
    }

    async fn set_boot_mode(&self, mode: BootMode) -> Result<TakesEffect, BmcError> {
        let fate = self.request().await;
        if fate != Fate::Refused {
            self.machine().state.lock().mode = mode;
        }
        self.answer(fate, "setting boot mode", TakesEffect::Now)
            .await
    }

    async fn inject_nmi(&self) -> Result<(), BmcError> {
        let fate = self.request().await;
        self.answer(fate, "sending an NMI", ()).await
    }
}
