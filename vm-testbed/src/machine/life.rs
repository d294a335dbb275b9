//! The life of a machine: the only place that starts and ends its QEMU and writes its power state.
//!
//! QEMU ends when the guest resets itself; the machine is then started again with what the boot override says by now.

use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::qmp::ShutdownReason;

use super::command_line::{Start, arguments};
use super::power::Action;
use super::process::Process;
use super::{Blueprint, Fetched, Order, Place, Power, Reset, Status};

pub struct Life {
    blueprint: Arc<Blueprint>,
    status: Arc<Mutex<Status>>,
    orders: mpsc::Receiver<Order>,
    process: Option<Process>,
    /// Whether the shutdown that the guest was asked for is the first half of a restart.
    restart_after_shutdown: bool,
}

impl Life {
    pub(super) fn new(
        blueprint: Arc<Blueprint>,
        status: Arc<Mutex<Status>>,
        orders: mpsc::Receiver<Order>,
    ) -> Life {
        Life {
            blueprint,
            status,
            orders,
            process: None,
            restart_after_shutdown: false,
        }
    }

    /// Lives until `stop`; the machine loses its power then.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return self.stop().await,
                reason = end_of(&mut self.process) => self.after_end(reason).await,
                Some(order) = self.orders.recv() => self.obey(order).await,
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        // An asker that is gone (a BMC client that gave up) changes nothing: the order is carried out.
        match order {
            Order::Power(reset, answer) => drop(answer.send(self.reset(reset).await)),
            Order::Disk(index, place, answer) => drop(answer.send(self.put_disk(index, place))),
            Order::Insert(medium, answer) => drop(answer.send(self.change_medium(medium).await)),
        }
    }

    async fn reset(&mut self, reset: Reset) -> anyhow::Result<()> {
        let power = self.status.lock().power;
        let action = reset.action(power)?;
        info!(machine = self.name(), ?reset, ?action, "power order");
        self.restart_after_shutdown = action.restarts_later(self.restart_after_shutdown);
        match (action, &self.process) {
            (Action::Nothing, _) => Ok(()),
            (Action::Start, _) => self.start().await,
            (Action::Stop, _) => self.stop().await,
            (Action::Kill, _) => self.kill().await,
            (Action::Restart, _) => {
                self.end_process().await?;
                self.start().await
            }
            (Action::PressButton | Action::PressButtonAndRestart, Some(process)) => {
                process.press_button().await
            }
            (Action::Nmi, Some(process)) => process.nmi().await,
            (Action::PressButton | Action::PressButtonAndRestart | Action::Nmi, None) => Ok(()),
        }
    }

    async fn start(&mut self) -> anyhow::Result<()> {
        let arguments = self.arguments_of_next_start();
        match Process::start(arguments, self.directory()).await {
            Ok(process) => {
                self.process = Some(process);
                self.status.lock().power = Power::On;
                Ok(())
            }
            Err(error) => {
                self.status.lock().power = Power::Off;
                Err(error)
            }
        }
    }

    fn arguments_of_next_start(&self) -> Vec<String> {
        let mut status = self.status.lock();
        status.starts += 1;
        let target = status.boot.take();
        info!(machine = self.name(), ?target, mode = ?status.boot.mode, "starting");
        let start = Start {
            mode: status.boot.mode,
            target,
            medium: status.medium.as_ref(),
            pulled: &status.pulled,
        };
        arguments(&self.blueprint, &start)
    }

    async fn stop(&mut self) -> anyhow::Result<()> {
        let ended = self.end_process().await;
        self.status.lock().power = Power::Off;
        ended
    }

    async fn end_process(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(process) => process.quit().await,
            None => Ok(()),
        }
    }

    async fn kill(&mut self) -> anyhow::Result<()> {
        let killed = match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        };
        self.status.lock().power = Power::Off;
        killed
    }

    async fn after_end(&mut self, reason: ShutdownReason) {
        self.process = None;
        let restart = match reason {
            ShutdownReason::GuestReset => true,
            ShutdownReason::GuestShutdown => self.restart_after_shutdown,
            ShutdownReason::Other => false,
        };
        self.restart_after_shutdown = false;
        info!(machine = self.name(), ?reason, restart, "QEMU ended");
        if !restart {
            self.status.lock().power = Power::Off;
        } else if let Err(error) = self.start().await {
            tracing::error!(machine = self.name(), "restarting failed: {error:#}");
        }
    }

    fn put_disk(&self, index: usize, place: Place) -> anyhow::Result<()> {
        let disks = self.blueprint.config.disks.len();
        ensure!(
            index < disks,
            "{} has no disk {index}; it has {disks}, and the first one is 0",
            self.name()
        );
        let mut status = self.status.lock();
        ensure!(
            status.power == Power::Off,
            "{} is on: a disk is put in or taken out while it is off",
            self.name()
        );
        info!(machine = self.name(), disk = index, ?place, "disk");
        match place {
            Place::In => status.pulled.remove(&index),
            Place::Out => status.pulled.insert(index),
        };
        Ok(())
    }

    async fn change_medium(&mut self, image: Option<Fetched>) -> anyhow::Result<()> {
        match (&self.process, &image) {
            (None, _) => {}
            (Some(process), Some(image)) => process.insert(&image.medium().file_name).await?,
            (Some(process), None) => process.eject().await?,
        }
        let medium = image.map(Fetched::keep).transpose()?;
        // What the drive has let go nobody needs any more.
        let before = std::mem::replace(&mut self.status.lock().medium, medium);
        if let Some(before) = before {
            before.forget(self.directory());
        }
        Ok(())
    }

    fn name(&self) -> &str {
        &self.blueprint.config.name
    }

    fn directory(&self) -> &Path {
        &self.blueprint.directory
    }
}

/// The end of the process, which never comes while there is none.
async fn end_of(process: &mut Option<Process>) -> ShutdownReason {
    match process {
        Some(process) => process.ended().await,
        None => std::future::pending().await,
    }
}
