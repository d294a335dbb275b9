//! A lab: virtual machines on a network of their own, and a conductor inside of it. All of it ends with the value.

use crate::api::Api;
use crate::failure::Kept;
use crate::images::{Images, top};
use crate::interrupt;
use crate::machine::Machine;
use crate::node::Node;
use crate::process::{Running, command, output};
use crate::serial::Serial;
use crate::settings::{lab_file, settings_file};
use crate::shell::Shell;
use crate::wait;
use anyhow::Context;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The address of the provisioning listener inside of the lab.
pub const PROVISION: &str = "192.168.100.1:6380";
const START: Duration = Duration::from_secs(90);
const LEASE: Duration = Duration::from_secs(20);

/// What a lab is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    pub name: String,
    pub machines: Vec<Machine>,
    /// More lines for the conductor's configuration file.
    pub settings: String,
    /// Where the lab's folder is made.
    pub base: PathBuf,
    /// The host's port that leads to the API; 0: any that is free.
    pub api_port: u16,
}

impl Plan {
    pub fn new(name: &str, machines: Vec<Machine>) -> Self {
        Self {
            name: name.to_owned(),
            machines,
            settings: String::new(),
            base: top().join("target/test-run"),
            api_port: 0,
        }
    }
}

/// The field order is the order of the end: the conductor first, then the machines, then the files.
pub struct Lab {
    conductor: Option<Running>,
    _testbed: Running,
    api: Api,
    images: Images,
    machines: Vec<Machine>,
    folder: PathBuf,
    removed: Option<TempDir>,
}

/// A program of ours, built in the profile that the images are made of.
pub fn program(name: &str) -> PathBuf {
    top().join("target/release").join(name)
}

impl Lab {
    /// Brings the machines' network and BMCs up and starts a conductor.
    ///
    /// # Errors
    /// [`Kept`] says where the logs of what did not start are; an interruption leaves none.
    pub fn start(plan: &Plan) -> anyhow::Result<Self> {
        let images = Images::find()?;
        let base = std::path::absolute(&plan.base)?;
        std::fs::create_dir_all(&base).with_context(|| format!("making {}", base.display()))?;
        let temporary = tempfile::Builder::new()
            .prefix(&format!("{}-", plan.name))
            .tempdir_in(&base)?;
        match Self::start_in(plan, images, temporary.path()) {
            Ok(mut lab) => {
                lab.removed = Some(temporary);
                Ok(lab)
            }
            Err(error) if interrupt::seen() => Err(error),
            Err(error) => Err(error.context(Kept(temporary.keep()))),
        }
    }

    fn start_in(plan: &Plan, images: Images, folder: &Path) -> anyhow::Result<Self> {
        let port = free_port(plan.api_port)?;
        std::fs::write(folder.join("lab.toml"), lab_file(plan, folder, port))?;
        std::fs::write(
            folder.join("ferric.toml"),
            settings_file(plan, folder, &images),
        )?;
        for name in ["hosts", "options", "tftp"] {
            std::fs::create_dir_all(folder.join(name))?;
        }
        let mut up = testbed(folder);
        let mut testbed = Running::start(
            "ferric-testbed",
            up.arg("up").arg(folder.join("lab.toml")),
            &folder.join("testbed.log"),
        )?;
        wait::until("the lab to be ready", START, || {
            testbed.check()?;
            Ok(folder.join("lab/ready").exists().then_some(()))
        })?;
        let mut lab = Self {
            conductor: None,
            _testbed: testbed,
            api: Api::new(&format!("http://127.0.0.1:{port}"))?,
            images,
            machines: plan.machines.clone(),
            folder: folder.to_owned(),
            removed: None,
        };
        lab.start_conductor()?;
        Ok(lab)
    }

    /// Starts the conductor, on the state that it left if there is one.
    ///
    /// # Errors
    /// When it does not answer; its log is `ferric.log` in the lab's folder.
    pub fn start_conductor(&mut self) -> anyhow::Result<()> {
        let mut serve = testbed(&self.folder);
        serve
            .arg("exec")
            .arg("--")
            .arg(program("ferric"))
            .arg("serve");
        serve.arg("--config").arg(self.folder.join("ferric.toml"));
        let mut running = Running::start("ferric", &mut serve, &self.folder.join("ferric.log"))?;
        wait::until("the conductor to answer", START, || {
            running.check()?;
            Ok(self.api.get("/v1/conductors").is_ok().then_some(()))
        })?;
        self.conductor = Some(running);
        Ok(())
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_conductor(&mut self) -> anyhow::Result<()> {
        self.conductor.take().context("no conductor runs")?.crash()
    }

    pub fn api(&self) -> &Api {
        &self.api
    }

    pub fn images(&self) -> &Images {
        &self.images
    }

    /// Where logs, disks and state are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps the folder when the lab ends, for a look at what happened.
    pub fn keep_folder(&mut self) {
        if let Some(folder) = self.removed.take() {
            drop(folder.keep());
        }
    }

    pub fn machine(&self, name: &str) -> &Machine {
        self.machines
            .iter()
            .find(|machine| machine.name == name)
            .expect("the plan has this machine")
    }

    pub fn serial(&self, name: &str) -> Serial {
        Serial {
            path: self
                .folder
                .join("lab/machines")
                .join(name)
                .join("serial.log"),
        }
    }

    /// The file behind a machine's disk.
    pub fn disk(&self, name: &str, index: usize) -> PathBuf {
        self.folder
            .join("lab/machines")
            .join(name)
            .join(format!("disk{index}.raw"))
    }

    /// Does something to a machine's power behind the conductor's back: `cut`, `on`, ...
    ///
    /// # Errors
    /// When the testbed refuses.
    pub fn power(&self, name: &str, action: &str) -> anyhow::Result<()> {
        output(testbed(&self.folder).args(["power", name, action])).map(drop)
    }

    /// Runs a program in the lab's network to its end, and gives what it printed.
    ///
    /// # Errors
    /// When it cannot be started or fails; with what it said.
    pub fn exec(&self, words: &[&str]) -> anyhow::Result<String> {
        output(testbed(&self.folder).args(["exec", "--"]).args(words))
    }

    /// Takes a disk out of a machine that is off, or puts it in again: `out`, `in`.
    ///
    /// # Errors
    /// When the testbed refuses.
    pub fn put_disk(&self, name: &str, index: usize, place: &str) -> anyhow::Result<()> {
        let index = index.to_string();
        output(testbed(&self.folder).args(["disk", name, &index, place])).map(drop)
    }

    /// The command that runs a program in the lab's network; its arguments are to be added.
    pub fn inside(&self, program: &str) -> Command {
        let mut exec = testbed(&self.folder);
        exec.args(["exec", "--", program]);
        exec
    }

    /// The address of a machine by its newest lease.
    ///
    /// # Errors
    /// When it has none.
    pub fn address(&self, name: &str) -> anyhow::Result<String> {
        let leases = self.folder.join("lab/dnsmasq/leases");
        leased(&leases, &self.machine(name).mac)
    }

    /// The serial line of a machine that is on, to type on.
    ///
    /// # Errors
    /// When it cannot be connected to.
    pub fn shell(&self, name: &str) -> anyhow::Result<Shell> {
        let serial = self.serial(name);
        Shell::open(serial.path.parent().context("a log is in a folder")?)
    }

    /// What the machines run on: KVM or software emulation.
    ///
    /// # Errors
    /// When the lab's log does not say so.
    pub fn accelerator(&self) -> anyhow::Result<String> {
        let log = std::fs::read_to_string(self.folder.join("testbed.log"))?;
        let said = log.split("machines run on ").nth(1);
        let said = said.and_then(|rest| rest.lines().next());
        // The log's own fields follow.
        let name = said.and_then(|rest| rest.split(" lab=").next());
        Ok(name.context("what the machines run on")?.to_owned())
    }

    /// Enrols a machine with its port.
    ///
    /// # Errors
    /// When the API refuses.
    pub fn enroll(&self, name: &str) -> anyhow::Result<Node<'_>> {
        Node::enroll(self, self.machine(name))
    }
}

/// The testbed's program, talking to the lab in this folder.
fn testbed(folder: &Path) -> Command {
    let mut testbed = command(program("ferric-testbed"));
    testbed.arg("--state").arg(folder.join("lab"));
    testbed
}

fn free_port(wanted: u16) -> anyhow::Result<u16> {
    let bound = TcpListener::bind(("127.0.0.1", wanted))
        .or_else(|_| TcpListener::bind(("127.0.0.1", 0)))?;
    Ok(bound.local_addr()?.port())
}

/// The newest lease of this MAC in dnsmasq's file, which is empty for a moment each time that it is written.
///
/// # Errors
/// When there is none; with what the file has.
pub fn leased(file: &Path, mac: &str) -> anyhow::Result<String> {
    let mut leases = String::new();
    let found = wait::until(&format!("a lease of {mac}"), LEASE, || {
        leases = std::fs::read_to_string(file)?;
        Ok(newest_lease(&leases, mac).map(str::to_owned))
    });
    found.with_context(|| format!("the leases are:\n{leases}"))
}

/// dnsmasq's file has a line a lease: when it ends, MAC, address, and more. A machine has several where its systems do
/// not say the same client id, and their order is that of their first days.
pub fn newest_lease<'a>(leases: &'a str, mac: &str) -> Option<&'a str> {
    let lease = |line: &'a str| {
        let mut words = line.split_whitespace();
        let end: u64 = words.next()?.parse().ok()?;
        (words.next()? == mac).then_some((end, words.next()?))
    };
    let newest = leases.lines().filter_map(lease).max_by_key(|(end, _)| *end);
    newest.map(|(_, address)| address)
}
