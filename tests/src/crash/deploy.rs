//! One deploy: a machine that is enrolled and available, the request, where it stands, and what must be true at its end.

use super::agent::{Hardware, Manners};
use super::bmc::Bmc;
use super::client::Client;
use super::image::ImageServer;
use super::journal::{Place, Run, at};
use super::machine::{Firmware, Machine};
use super::site::Site;
use super::trace::{Seen, Traces};
use anyhow::{Context, ensure};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Each BMC request takes so long to its effect, and each change as long to its answer.
const BMC_DELAY_MS: u64 = 40;
const LONG: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(50);

/// The kinds of machine, by turns.
pub(crate) const KINDS: [(Manners, Firmware); 4] = [
    (Manners::Ferric, Firmware::Bios),
    (Manners::Ironic, Firmware::Bios),
    (Manners::Ferric, Firmware::Uefi),
    (Manners::Ironic, Firmware::Uefi),
];

/// What all deploys share.
pub(crate) struct World {
    pub(crate) folder: std::path::PathBuf,
    pub(crate) traces: Arc<Traces>,
    pub(crate) images: ImageServer,
}

/// A moment, and when the BMC had been told something last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    bmc_changed: Option<Timestamp>,
}

pub(crate) struct Deploy {
    pub(crate) name: String,
    pub(crate) kind: usize,
    pub(crate) uuid: String,
    operator: Client,
    machine: Arc<Machine>,
    traces: Arc<Traces>,
    image: Arc<[u8]>,
    /// The timeline's last event before the request.
    after: u64,
    asked: Mutex<Timestamp>,
    _life: JoinSet<()>,
}

impl Deploy {
    /// A new machine, enrolled and available.
    pub(crate) async fn prepare(world: &World, site: &Site, number: usize) -> anyhow::Result<Self> {
        let name = format!("node-{number}");
        let kind = number % KINDS.len();
        let (_, firmware) = KINDS[kind];
        let mac = format!("52:54:00:00:{:02x}:{:02x}", number / 256, number % 256);
        let operator = site.operator.clone();
        let uuid = enroll(&operator, world, &name, (&mac, firmware)).await?;
        let machine = machine(world, site, number, (&uuid, &mac))?;
        let mut life = JoinSet::new();
        life.spawn(machine.clone().live());
        for (target, state) in [("manage", "manageable"), ("provide", "available")] {
            let path = format!("/v1/nodes/{uuid}/states/provision");
            operator.put(&path, &json!({ "target": target })).await?;
            reaches(&operator, &uuid, state).await?;
        }
        let mut deploy = Self {
            name,
            kind,
            uuid,
            operator,
            machine,
            traces: world.traces.clone(),
            image: world.images.content.clone(),
            after: 0,
            asked: Mutex::new(Timestamp::now()),
            _life: life,
        };
        let last = deploy
            .events()
            .await?
            .last()
            .map(|event| event["sequence"].clone());
        deploy.after = last.and_then(|last| last.as_u64()).unwrap_or(0);
        Ok(deploy)
    }

    /// Asks for the deploy. A client that gets no answer looks what came of it and asks again if that is nothing.
    pub(crate) async fn ask(&self) -> anyhow::Result<()> {
        let path = format!("/v1/nodes/{}/states/provision", self.uuid);
        let begun = Instant::now();
        *self.asked.lock() = Timestamp::now();
        while let Err(error) = self
            .operator
            .put(&path, &json!({ "target": "active" }))
            .await
        {
            ensure!(
                begun.elapsed() < LONG,
                "the request was never accepted: {error:#}"
            );
            sleep(LOOK).await;
            let seen = self.operator.get(&format!("/v1/nodes/{}", self.uuid)).await;
            if seen.is_ok_and(|node| node["provision_state"] != "available") {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The timeline since the request.
    pub(crate) async fn events(&self) -> anyhow::Result<Vec<Value>> {
        self.events_behind(self.after).await
    }

    /// Those of them that stand behind a number.
    pub(crate) async fn events_behind(&self, number: u64) -> anyhow::Result<Vec<Value>> {
        let after = number.max(self.after);
        let path = format!("/ferric/v1/nodes/{}/timeline?after={after}", self.uuid);
        let page = self.operator.get(&path).await?;
        Ok(page["events"].as_array().cloned().unwrap_or_default())
    }

    /// The moment as this machine's BMC has it. A later change would hide it, so it is taken at once.
    pub(crate) fn moment(&self, at: Timestamp) -> Moment {
        Moment {
            at,
            bmc_changed: self.machine.bmc.last_change(),
        }
    }

    /// How long it took, if it was over then.
    pub(crate) fn took(&self, end: Timestamp) -> Duration {
        let took = end.duration_since(*self.asked.lock());
        Duration::try_from(took).unwrap_or_default()
    }

    /// Where it stood at a moment, by the events until then.
    pub(crate) fn place_at(&self, events: &[Value], moment: Moment, steps: &[String]) -> Place {
        let until = events
            .iter()
            .take_while(|event| at(event).is_some_and(|at| at <= moment.at));
        let run = Run::of(until);
        let has_effect = run
            .open
            .as_ref()
            .is_some_and(|open| self.has_effect(&open.step, open.since, moment));
        run.place(steps, has_effect)
    }

    /// Whether the world noticed the step in this time.
    fn has_effect(&self, step: &str, since: Timestamp, moment: Moment) -> bool {
        let seen = |seen: Seen| self.traces.has(&self.name, &seen, since, moment.at);
        let command = |name: &str| seen(Seen::Command(name.to_owned()));
        let by_bmc = || {
            let change = moment.bmc_changed;
            change.is_some_and(|change| (since..=moment.at).contains(&change))
        };
        match step {
            "deploy.check_image" => seen(Seen::Image),
            "agent.get_steps" => command("deploy.get_deploy_steps"),
            "deploy.write_image" => command("deploy.execute_deploy_step"),
            "deploy.prepare_instance_boot" => command("image.install_bootloader") || by_bmc(),
            "deploy.tear_down_agent" => command("standby.power_off") || by_bmc(),
            _ => by_bmc(),
        }
    }

    /// Waits for its end. Answers when the node became active.
    ///
    /// # Errors
    /// When it is lost: it failed, or its end does not come.
    pub(crate) async fn ends(&self) -> anyhow::Result<Timestamp> {
        reaches(&self.operator, &self.uuid, "active").await?;
        let events = self.events().await?;
        let active = events.iter().find(|event| event["to"] == "active");
        active.and_then(at).context("the timeline has no end")
    }

    /// What must be true once it is active.
    pub(crate) async fn check(&self) -> anyhow::Result<()> {
        let node = self
            .operator
            .get(&format!("/v1/nodes/{}", self.uuid))
            .await?;
        for (key, expected) in [
            ("provision_state", json!("active")),
            ("last_error", Value::Null),
            ("target_provision_state", Value::Null),
            ("power_state", json!("power on")),
            ("reservation", Value::Null),
            ("maintenance", json!(false)),
        ] {
            ensure!(
                node[key] == expected,
                "{key} is {} instead of {expected}",
                node[key]
            );
        }
        let writes = self.machine.hardware.writes.load(Ordering::SeqCst);
        ensure!(writes == 1, "the image was written {writes} times");
        let disk = std::fs::read(&self.machine.hardware.disk)?;
        ensure!(*disk == *self.image, "the disk does not hold the image");
        // The machine notices its last boot a moment later.
        let begun = Instant::now();
        let expected = ["pxe", "disk"];
        while *self.machine.boots.lock() != expected {
            let boots = self.machine.boots.lock().clone();
            ensure!(
                begun.elapsed() < Duration::from_secs(2),
                "the machine booted from {boots:?}"
            );
            sleep(LOOK).await;
        }
        Ok(())
    }
}

async fn enroll(
    operator: &Client,
    world: &World,
    name: &str,
    (mac, firmware): (&str, Firmware),
) -> anyhow::Result<String> {
    let mode = match firmware {
        Firmware::Bios => "boot_mode:bios",
        Firmware::Uefi => "boot_mode:uefi",
    };
    let node = json!({
        "name": name,
        "driver": "fake-hardware",
        "driver_info": {
            "fake_address": name,
            "fake_delay_ms": BMC_DELAY_MS,
            "fake_answer_delay_ms": BMC_DELAY_MS,
        },
        "boot_interface": "ipxe",
        "deploy_interface": "direct",
        "inspect_interface": "agent",
        "network_interface": "noop",
        "properties": {"capabilities": mode},
        "instance_info": {
            "image_source": format!("{}/{name}/os.raw", world.images.base),
            "image_os_hash_algo": "sha256",
            "image_os_hash_value": world.images.sha256,
            "image_disk_format": "raw",
        },
    });
    let node = operator.post("/v1/nodes", &node).await?;
    let uuid = node["uuid"].as_str().context("a node has a uuid")?;
    let port = json!({ "node_uuid": uuid, "address": mac });
    operator.post("/v1/ports", &port).await?;
    Ok(uuid.to_owned())
}

fn machine(
    world: &World,
    site: &Site,
    number: usize,
    (uuid, mac): (&str, &str),
) -> anyhow::Result<Arc<Machine>> {
    let name = format!("node-{number}");
    let (manners, _) = KINDS[number % KINDS.len()];
    // From 100 to 800 ms, each kind with all of them.
    let writing = Duration::from_millis(100 + (number / KINDS.len()) as u64 % 8 * 100);
    Ok(Arc::new(Machine {
        hardware: Arc::new(Hardware {
            manners,
            writing,
            disk: disk(&world.folder, &name),
            writes: AtomicU32::new(0),
            traces: world.traces.clone(),
            name: name.clone(),
        }),
        mac: mac.to_owned(),
        uuid: uuid.to_owned(),
        bmc: Bmc::new(&site.fakes(), &name),
        conductor: Client::of_machine(&site.machines_base)?,
        boots: Mutex::default(),
    }))
}

fn disk(folder: &Path, name: &str) -> std::path::PathBuf {
    folder.join(format!("{name}.disk"))
}

/// Waits over restarts; a state that nothing leads out of ends the wait.
async fn reaches(operator: &Client, uuid: &str, state: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        if let Ok(node) = operator.get(&format!("/v1/nodes/{uuid}")).await {
            let now = node["provision_state"].as_str().unwrap_or_default();
            if now == state && node["reservation"].is_null() {
                return Ok(());
            }
            let error = &node["last_error"];
            ensure!(!now.ends_with("failed"), "{now}: {error}");
            ensure!(
                begun.elapsed() < LONG,
                "still {now} instead of {state}: {error}"
            );
        }
        ensure!(
            begun.elapsed() < 2 * LONG,
            "nobody says whether it is {state}"
        );
        sleep(LOOK).await;
    }
}
