//! A machine: what it is, how it is doing, and the orders its power button, BMC and operator give it.
//!
//! `Machine` is a handle. One task per machine (`life`) owns the QEMU process and carries out orders one after the other.

mod command_line;
mod disk;
mod life;
mod medium;
mod power;
mod process;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use crate::accel::Accel;
use crate::boot::{Mode, Override};
use crate::config;
use crate::firmware::Ovmf;

pub use command_line::{MANUFACTURER, MODEL, SERIAL_LOG, SERIAL_SOCKET};
pub use life::Life;
pub use medium::{Fetched, Medium};
pub use power::{Power, PowerError, Reset};

/// Orders wait here while the machine is busy with one; a client that sends more waits.
const QUEUE: usize = 8;

/// What does not change while the lab is up.
#[derive(Debug)]
pub struct Blueprint {
    pub config: config::Machine,
    /// Number of the machine in the lab, which its taps are named by.
    pub index: usize,
    pub directory: PathBuf,
    pub accel: Accel,
    pub ovmf: Ovmf,
}

/// What a BMC tells.
#[derive(Clone, Debug)]
pub struct Status {
    pub power: Power,
    pub boot: Override,
    pub medium: Option<Medium>,
    /// The disks that are out of the machine, by their numbers.
    pub pulled: BTreeSet<usize>,
    /// How often the machine was started or reset since the lab is up.
    pub starts: u64,
}

/// Where a disk is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// In the machine.
    In,
    /// On the shelf: its bytes stay.
    Out,
}

enum Order {
    Power(Reset, oneshot::Sender<anyhow::Result<()>>),
    Disk(usize, Place, oneshot::Sender<anyhow::Result<()>>),
    Insert(Option<Fetched>, oneshot::Sender<anyhow::Result<()>>),
}

#[derive(Clone)]
pub struct Machine {
    blueprint: Arc<Blueprint>,
    status: Arc<Mutex<Status>>,
    orders: mpsc::Sender<Order>,
}

impl Machine {
    /// Makes a machine that is off, with its disks; the second half must be run for orders to be carried out.
    pub async fn create(blueprint: Blueprint) -> anyhow::Result<(Machine, Life)> {
        let name = blueprint.config.name.clone();
        blueprint
            .prepare()
            .await
            .with_context(|| format!("preparing machine {name}"))?;
        Ok(Machine::assemble(blueprint))
    }

    fn assemble(blueprint: Blueprint) -> (Machine, Life) {
        let mode = match blueprint.config.firmware {
            config::Firmware::Uefi => Mode::Uefi,
            config::Firmware::Bios => Mode::Legacy,
        };
        let status = Status {
            power: Power::Off,
            boot: Override::none(mode),
            medium: None,
            pulled: BTreeSet::new(),
            starts: 0,
        };
        let (sender, orders) = mpsc::channel(QUEUE);
        let machine = Machine {
            blueprint: Arc::new(blueprint),
            status: Arc::new(Mutex::new(status)),
            orders: sender,
        };
        let life = Life::new(machine.blueprint.clone(), machine.status.clone(), orders);
        (machine, life)
    }

    pub fn config(&self) -> &config::Machine {
        &self.blueprint.config
    }

    pub fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    pub fn status(&self) -> Status {
        self.status.lock().clone()
    }

    pub fn change_boot(&self, change: impl FnOnce(Override) -> Override) {
        let mut status = self.status.lock();
        status.boot = change(status.boot);
    }

    /// Carries out a reset as Redfish names it. `PowerError` in the chain means that it does not fit the power state.
    pub async fn reset(&self, reset: Reset) -> anyhow::Result<()> {
        self.order(|answer| Order::Power(reset, answer)).await
    }

    /// Puts a disk into the machine or takes it out, which is off then; the number is that in the lab's file, from 0.
    pub async fn put_disk(&self, index: usize, place: Place) -> anyhow::Result<()> {
        self.order(|answer| Order::Disk(index, place, answer)).await
    }

    /// Fetches an image to a place from where it can be inserted.
    pub async fn fetch(&self, url: &url::Url) -> anyhow::Result<Fetched> {
        Medium::fetch(url, &self.blueprint.directory).await
    }

    /// Puts an image into the CD drive, at once if the machine runs.
    pub async fn insert(&self, image: Fetched) -> anyhow::Result<()> {
        self.order(|answer| Order::Insert(Some(image), answer))
            .await
    }

    pub async fn eject(&self) -> anyhow::Result<()> {
        self.order(|answer| Order::Insert(None, answer)).await
    }

    async fn order(
        &self,
        order: impl FnOnce(oneshot::Sender<anyhow::Result<()>>) -> Order,
    ) -> anyhow::Result<()> {
        let (answer, answered) = oneshot::channel();
        self.orders
            .send(order(answer))
            .await
            .map_err(|_| anyhow!("the lab is going down"))?;
        answered
            .await
            .map_err(|_| anyhow!("the lab is going down"))?
    }
}

impl Blueprint {
    async fn prepare(&self) -> anyhow::Result<()> {
        std::fs::create_dir_all(&self.directory)
            .with_context(|| format!("creating {}", self.directory.display()))?;
        medium::remove_stale(&self.directory)?;
        self.ovmf
            .provide_variables(&self.directory.join(command_line::VARIABLES))?;
        for (index, disk) in self.config.disks.iter().enumerate() {
            disk::create(disk, index, &self.directory).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub mod tests;
