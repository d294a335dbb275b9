//! One deploy: a machine that is enrolled and available, the request, its timeline, and what must be true at its end.

use super::agent::{Hardware, Manners};
use super::bmc::Bmc;
use super::client::{Answer, Client};
use super::gate::Gate;
use super::image::ImageServer;
use super::machine::{Firmware, Machine};
use super::trace::Traces;
use anyhow::{Context, ensure};
use jiff::Timestamp;
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::sleep;

const LONG: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(50);

/// The kinds of machine, by turns.
pub const KINDS: [(Manners, Firmware); 4] = [
    (Manners::Ferric, Firmware::Bios),
    (Manners::Ironic, Firmware::Bios),
    (Manners::Ferric, Firmware::Uefi),
    (Manners::Ironic, Firmware::Uefi),
];

/// What all deploys share.
pub struct World {
    pub folder: PathBuf,
    pub traces: Arc<Traces>,
    pub images: ImageServer,
    /// Where the conductors' fake driver keeps the machines.
    pub fakes: PathBuf,
    pub operators: Client,
    pub machines: Client,
    pub bmc: BmcPace,
}

/// How long each request of a BMC takes to its effect, and each change from there to its answer.
#[derive(Clone, Copy, Debug)]
pub struct BmcPace {
    pub effect: Duration,
    pub answer: Duration,
}

/// What one machine takes for its image.
#[derive(Clone, Debug)]
pub struct Pace {
    pub writing: Duration,
    pub gate: Gate,
}

pub struct Deploy {
    pub name: String,
    pub kind: usize,
    pub uuid: String,
    pub machine: Arc<Machine>,
    pub traces: Arc<Traces>,
    operator: Client,
    image: Arc<[u8]>,
    /// The timeline's last event before the request.
    after: u64,
    asked: Mutex<Timestamp>,
    _life: JoinSet<()>,
}

impl Deploy {
    /// A new machine, enrolled and available.
    ///
    /// # Errors
    /// When the conductor does not take it.
    pub async fn prepare(world: &World, number: usize, pace: Pace) -> anyhow::Result<Self> {
        let name = format!("node-{number}");
        let kind = number % KINDS.len();
        let (_, firmware) = KINDS[kind];
        let mac = format!("52:54:00:00:{:02x}:{:02x}", number / 256, number % 256);
        let operator = world.operators.clone();
        let uuid = enroll(world, &name, (&mac, firmware)).await?;
        let machine = machine(world, &name, kind, (&uuid, &mac), pace);
        let mut life = JoinSet::new();
        life.spawn(machine.clone().live());
        for (from, verb, to) in [
            ("enroll", "manage", "manageable"),
            ("manageable", "provide", "available"),
        ] {
            ask(&operator, &uuid, (from, verb)).await?;
            reaches(&operator, &uuid, to).await?;
        }
        let mut deploy = Self {
            name,
            kind,
            uuid,
            machine,
            traces: world.traces.clone(),
            operator,
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

    /// Asks for the deploy.
    ///
    /// # Errors
    /// When it is not accepted for long.
    pub async fn ask(&self) -> anyhow::Result<()> {
        *self.asked.lock() = Timestamp::now();
        ask(&self.operator, &self.uuid, ("available", "active")).await
    }

    /// The timeline since the request.
    ///
    /// # Errors
    /// When nobody shows it.
    pub async fn events(&self) -> anyhow::Result<Vec<Value>> {
        let page = self.operator.look(&self.timeline(self.after)).await?;
        Ok(page["events"].as_array().cloned().unwrap_or_default())
    }

    /// Those of them that stand behind a number.
    ///
    /// # Errors
    /// When the one that is asked does not show it.
    pub async fn events_behind(&self, number: u64) -> anyhow::Result<Vec<Value>> {
        let page = self
            .operator
            .get(&self.timeline(number.max(self.after)))
            .await?;
        Ok(page["events"].as_array().cloned().unwrap_or_default())
    }

    fn timeline(&self, after: u64) -> String {
        format!("/ferric/v1/nodes/{}/timeline?after={after}", self.uuid)
    }

    /// How long it took, if it was over then.
    pub fn took(&self, end: Timestamp) -> Duration {
        let took = end.duration_since(*self.asked.lock());
        Duration::try_from(took).unwrap_or_default()
    }

    /// Waits for its end. Answers when the node became active.
    ///
    /// # Errors
    /// When it is lost: it failed, or its end does not come.
    pub async fn ends(&self) -> anyhow::Result<Timestamp> {
        reaches(&self.operator, &self.uuid, "active").await?;
        let events = self.events().await?;
        let active = events.iter().find(|event| event["to"] == "active");
        active.and_then(at).context("the timeline has no end")
    }

    /// How often its image was begun to be written.
    pub fn writes(&self) -> u32 {
        self.machine.hardware.writes.load(Ordering::SeqCst)
    }

    /// What must be true once it is active.
    ///
    /// # Errors
    /// What is not.
    pub async fn check(&self) -> anyhow::Result<()> {
        let node = self
            .operator
            .look(&format!("/v1/nodes/{}", self.uuid))
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
        let writes = self.writes();
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

/// Asks for a change of state. A client that gets no answer looks what came of it and asks again if that is nothing; one
/// that is told to come back does so.
async fn ask(operator: &Client, uuid: &str, (from, verb): (&str, &str)) -> anyhow::Result<()> {
    let node = format!("/v1/nodes/{uuid}");
    let path = format!("{node}/states/provision");
    let body = json!({ "target": verb });
    let begun = Instant::now();
    loop {
        let answer = operator.call(Method::PUT, &path, Some(&body), None).await;
        let pause = answer.as_ref().ok().and_then(|answer| answer.retry_after);
        let Err(error) = answer.and_then(Answer::success) else {
            return Ok(());
        };
        ensure!(
            begun.elapsed() < LONG,
            "the request was never accepted: {error:#}"
        );
        sleep(pause.unwrap_or(LOOK)).await;
        if operator.look(&node).await?["provision_state"] != from {
            return Ok(());
        }
    }
}

async fn enroll(
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
            "fake_delay_ms": world.bmc.effect.as_millis(),
            "fake_answer_delay_ms": world.bmc.answer.as_millis(),
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
    let node = world.operators.create("/v1/nodes", &node).await?;
    let uuid = node["uuid"].as_str().context("a node has a uuid")?;
    let port = json!({ "node_uuid": uuid, "address": mac });
    world.operators.create("/v1/ports", &port).await?;
    Ok(uuid.to_owned())
}

fn machine(
    world: &World,
    name: &str,
    kind: usize,
    (uuid, mac): (&str, &str),
    pace: Pace,
) -> Arc<Machine> {
    let (manners, _) = KINDS[kind];
    Arc::new(Machine {
        hardware: Arc::new(Hardware {
            manners,
            writing: pace.writing,
            gate: pace.gate,
            disk: disk(&world.folder, name),
            writes: AtomicU32::new(0),
            traces: world.traces.clone(),
            name: name.to_owned(),
        }),
        mac: mac.to_owned(),
        uuid: uuid.to_owned(),
        bmc: Bmc::new(&world.fakes, name),
        conductor: world.machines.clone(),
        boots: Mutex::default(),
    })
}

fn disk(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.disk"))
}

/// When an event of a timeline happened.
pub fn at(event: &Value) -> Option<Timestamp> {
    event["at"].as_str()?.parse().ok()
}

/// The timeline, a line each.
pub fn story(events: &[Value]) -> String {
    let lines = events.iter().map(|event| {
        let mut event = event.clone();
        if let Some(event) = event.as_object_mut() {
            for key in ["id", "node", "run"] {
                event.shift_remove(key);
            }
        }
        format!("    {event}")
    });
    lines.collect::<Vec<_>>().join("\n")
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
