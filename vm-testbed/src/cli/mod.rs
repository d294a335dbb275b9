//! The command line.

mod ask;
mod console;
mod exec;
mod up;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::machine::{Place, Reset};
use crate::redfish::Fault;
use crate::state::{StateDir, lasting_home};

/// Virtual machines with virtual BMCs on an isolated network.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// State directory of the lab [default: XDG_RUNTIME_DIR/ferric-testbed/NAME, or the only lab running there; machines are
    /// then in XDG_STATE_HOME or /var/tmp]
    #[arg(long, global = true, value_name = "DIR", env = "FERRIC_TESTBED_STATE")]
    state: Option<PathBuf>,
    #[arg(
        long,
        global = true,
        hide = true,
        env = "XDG_RUNTIME_DIR",
        default_value = "/run"
    )]
    runtime_dir: PathBuf,
    #[arg(long, global = true, hide = true, env = "XDG_STATE_HOME")]
    state_home: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring a lab up and keep it in the foreground until SIGINT, SIGTERM or `down`
    Up { lab: PathBuf },
    /// End the lab; returns when nothing of it runs any more
    Down,
    /// List the machines
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Show a machine's serial console: interactive on a terminal (Ctrl-] leaves), else its log from the beginning
    Console {
        name: String,
        /// Only follow the log
        #[arg(long)]
        follow: bool,
    },
    /// Do something to a machine's power
    Power { name: String, action: PowerAction },
    /// Take a disk out of a machine that is off, or put it in again; its bytes stay
    Disk {
        name: String,
        /// As in the lab's file, from 0
        number: usize,
        place: DiskPlace,
    },
    /// Make a machine's BMC misbehave; without options it behaves again
    Fault {
        name: String,
        /// Hold back each answer
        #[arg(long, default_value_t = 0)]
        latency_ms: u64,
        /// Answer everything with this HTTP status
        #[arg(long)]
        status: Option<u16>,
    },
    /// Run a command inside the lab's network
    Exec {
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PowerAction {
    On,
    /// At once, but the disks are closed in order
    Off,
    /// Press the power button and hope for the guest
    Shutdown,
    /// At once, and on again
    Reset,
    /// Press the power button, and on again when the guest is off
    Restart,
    Cycle,
    Button,
    Nmi,
    /// Power loss: QEMU is killed
    Cut,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DiskPlace {
    In,
    Out,
}

impl DiskPlace {
    fn place(self) -> Place {
        match self {
            DiskPlace::In => Place::In,
            DiskPlace::Out => Place::Out,
        }
    }
}

impl PowerAction {
    fn reset(self) -> Reset {
        match self {
            PowerAction::On => Reset::On,
            PowerAction::Off => Reset::ForceOff,
            PowerAction::Shutdown => Reset::GracefulShutdown,
            PowerAction::Reset => Reset::ForceRestart,
            PowerAction::Restart => Reset::GracefulRestart,
            PowerAction::Cycle => Reset::PowerCycle,
            PowerAction::Button => Reset::PushPowerButton,
            PowerAction::Nmi => Reset::Nmi,
            PowerAction::Cut => Reset::Cut,
        }
    }
}

impl Cli {
    pub fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Up { ref lab } => up::up(lab, &self.place()),
            Command::Down => ask::down(&self.running()?),
            Command::List { json } => ask::list(&self.running()?, json),
            Command::Console { ref name, follow } => {
                console::console(&self.running()?, name, follow)
            }
            Command::Power { ref name, action } => {
                ask::power(&self.running()?, name, action.reset())
            }
            Command::Disk {
                ref name,
                number,
                place,
            } => ask::disk(&self.running()?, name, number, place.place()),
            Command::Fault {
                ref name,
                latency_ms,
                status,
            } => ask::fault(&self.running()?, name, Fault { latency_ms, status }),
            Command::Exec { ref command } => exec::exec(&self.running()?, command),
        }
    }

    fn place(&self) -> up::Place<'_> {
        match &self.state {
            Some(path) => up::Place::Here(path),
            None => up::Place::ByName {
                runtime: &self.runtime_dir,
                lasting: lasting_home(self.state_home.as_deref()),
            },
        }
    }

    fn running(&self) -> anyhow::Result<StateDir> {
        match &self.state {
            Some(path) => StateDir::new(path),
            None => StateDir::find_only(&self.runtime_dir),
        }
    }
}
