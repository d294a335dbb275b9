//! A machine: power, boot device, disk, and what runs on it. It lives on when conductors die.

use crate::agent::Agent;
use crate::dice::Dice;
use crate::link::Link;
use crate::ramdisk;
use crate::world::World;
use ferric_drivers::{BootDevice, BootMode, BootSetting, Persistence, PowerAction, PowerState};
use ferric_model::ids::{MacAddress, NodeId, RunId};
use ferric_model::node::Node;
use ferric_store::{Key, Record, Revision, Table};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

/// Which agent's manners the ramdisk's has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    Ferric,
    /// Knows no header of ours and chooses the ids of commands itself.
    Ironic,
}

pub(crate) struct Machine {
    pub(crate) index: usize,
    pub(crate) node: NodeId,
    /// The same as text.
    pub(crate) id: String,
    pub(crate) address: MacAddress,
    pub(crate) manners: Manners,
    /// Somebody has written its node.
    pub(crate) changed: Notify,
    pub(crate) state: Mutex<State>,
    /// The node as it was stored when it was last looked at, which is much more often than it is written.
    decoded: Mutex<Option<(Revision, Arc<Node>)>>,
}

/// What is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    /// Nothing that boots.
    Blank,
    /// An image without its first sectors, of which more may come.
    Partial(RunId),
    /// A whole image, written by this run.
    Whole(RunId),
}

pub(crate) struct State {
    pub(crate) on: bool,
    pub(crate) boot: BootSetting,
    pub(crate) mode: BootMode,
    /// How often it has started.
    pub(crate) boots: u32,
    pub(crate) booted_from: Option<BootDevice>,
    pub(crate) agent: Option<Agent>,
    pub(crate) disk: Disk,
    /// The run that wrote last, and in which boot.
    pub(crate) written_in: Option<(RunId, u32)>,
    /// What the BMC says instead of the truth, and until when.
    pub(crate) lie: Option<(PowerState, Instant)>,
    /// The last fault that may fail a run, and when it was.
    pub(crate) excuse: Option<(Instant, &'static str)>,
    /// Whether nothing is done to its node, as it is stored.
    pub(crate) node_rests: bool,
    /// Messages to the agent that got lost in a row.
    pub(crate) lost_in_a_row: u32,
}

impl Machine {
    pub(crate) fn new(index: usize, dice: &Dice) -> Self {
        let node = NodeId(Uuid::from_u128(0x5100 + index as u128));
        let address = format!("52:54:00:00:00:{index:02x}");
        Self {
            index,
            node,
            id: node.to_string(),
            address: address.parse().expect("six octets in hexadecimal"),
            manners: match dice.chance(0.7) {
                true => Manners::Ferric,
                false => Manners::Ironic,
            },
            changed: Notify::new(),
            state: Mutex::new(State {
                on: false,
                boot: BootSetting {
                    device: Some(BootDevice::Disk),
                    persistence: Some(Persistence::Continuous),
                },
                mode: match dice.chance(0.5) {
                    true => BootMode::Uefi,
                    false => BootMode::Bios,
                },
                boots: 0,
                booted_from: None,
                agent: None,
                disk: Disk::Blank,
                written_in: None,
                lie: None,
                excuse: None,
                node_rests: false,
                lost_in_a_row: 0,
            }),
            decoded: Mutex::default(),
        }
    }

    pub(crate) fn record(&self, world: &World) -> Option<Record> {
        world.store.read(&Key::new(Table::Node, &self.id))
    }

    pub(crate) fn node_as_stored(&self, world: &World) -> Option<Arc<Node>> {
        let record = self.record(world)?;
        let mut decoded = self.decoded.lock();
        match &*decoded {
            Some((revision, node)) if *revision == record.revision => Some(Arc::clone(node)),
            _ => {
                let node = Arc::new(record.decode().ok()?);
                *decoded = Some((record.revision, Arc::clone(&node)));
                Some(node)
            }
        }
    }

    pub(crate) fn power(&self) -> PowerState {
        match self.state.lock().on {
            true => PowerState::On,
            false => PowerState::Off,
        }
    }

    /// What is on the disk by now.
    pub(crate) fn disk(&self) -> Disk {
        let mut state = self.state.lock();
        state.settle();
        state.disk
    }

    pub(crate) fn boots(&self) -> u32 {
        self.state.lock().boots
    }

    pub(crate) fn url(&self) -> String {
        format!("https://10.0.0.{}:9999", self.index)
    }

    pub(crate) fn is_same_boot(&self, boot: u32) -> bool {
        let state = self.state.lock();
        state.on && state.boots == boot
    }

    /// From now on a run of this machine may fail.
    pub(crate) fn excuse(&self, world: &World, why: &'static str) {
        world
            .log
            .note(format_args!("machine {}", self.index), || why);
        self.state.lock().excuse = Some((Instant::now(), why));
    }

    /// A fault that has come since then and explains a failure.
    pub(crate) fn excused(&self, since: Instant) -> Option<&'static str> {
        let excuse = self.state.lock().excuse;
        excuse
            .filter(|(when, _)| *when >= since)
            .map(|(_, why)| why)
    }

    /// Does what the BMC was told; answers whether the machine starts.
    pub(crate) fn switch(&self, world: &Arc<World>, action: PowerAction) {
        let off_first = matches!(action, PowerAction::Reboot | PowerAction::SoftReboot);
        let on = action.leads_to() == PowerState::On;
        if off_first || !on {
            self.stop(world);
        }
        if on {
            self.start(world);
        }
    }

    /// Whatever runs on it ends where it stands.
    pub(crate) fn stop(&self, world: &World) {
        let mut state = self.state.lock();
        if state.on {
            world
                .log
                .note(format_args!("machine {}", self.index), || "is off");
        }
        state.settle();
        state.on = false;
        state.agent = None;
    }

    fn start(&self, world: &Arc<World>) {
        let boot = {
            let mut state = self.state.lock();
            if state.on {
                return;
            }
            state.on = true;
            state.boots += 1;
            state.booted_from = state.boot.device;
            if state.boot.persistence == Some(Persistence::Once) {
                state.boot = BootSetting {
                    device: Some(BootDevice::Disk),
                    persistence: Some(Persistence::Continuous),
                };
            }
            state.boots
        };
        let (world_, index) = (world.clone(), self.index);
        world.spawn(async move { ramdisk::boot(&world_, index, boot).await });
    }

    /// Boots again by itself: what it is set to boot once is used up, and the firmware's order is the disk.
    pub(crate) fn reset(&self, world: &Arc<World>) {
        self.stop(world);
        self.start(world);
    }

    /// Somebody whom no conductor knows puts an image on its disk.
    pub(crate) fn deploy_by_hand(&self) {
        self.state.lock().disk = Disk::Whole(RunId(Uuid::nil()));
    }

    /// The disk is not to be left without power while a step of the agent works on it.
    pub(crate) fn works(&self) -> Option<&'static str> {
        let mut state = self.state.lock();
        state.settle();
        state.agent.as_ref()?.works()
    }

    /// Power, or the machine's boot device, is about to be changed by a conductor.
    pub(crate) fn check_disturbance(&self, world: &World, link: &Link) {
        let Some(step) = self.works() else {
            return;
        };
        let Some(node) = self.node_as_stored(world) else {
            return;
        };
        let Some(run) = &node.run else { return };
        let since = Instant::now() - Duration::from_secs(1800);
        if run.failure.is_none() && run.reboots == 0 && self.excused(since).is_none() {
            world.violation(format!(
                "{link} disturbs machine {} while {step} works on its disk",
                self.index
            ));
        }
    }
}

impl State {
    /// What the commands that have ended by now have done.
    pub(crate) fn settle(&mut self) {
        let ended = self.agent.as_mut().is_some_and(Agent::has_written);
        if let (true, Disk::Partial(run)) = (ended, self.disk) {
            self.disk = Disk::Whole(run);
        }
    }
}
