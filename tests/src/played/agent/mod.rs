//! An agent as the conductor meets it: HTTPS with a certificate of its own, a token, commands that take their time.
//!
//! It goes on with what it was told when the connection breaks, as any server does that has read a request.

pub mod commands;

use super::gate::Gate;
use super::serve::{Reply, json};
use super::trace::{Came, Seen, Traces, Verdict};
use commands::{Begun, Commands, Order, Refused, is_write};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Value, json as value};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::sleep;
use uuid::Uuid;

/// From a request's arrival to its effect, and from there to the answer. So there is time to kill a conductor in.
pub const BEFORE: Duration = Duration::from_millis(40);
pub const AFTER: Duration = Duration::from_millis(40);
const LOOK: Duration = Duration::from_millis(10);

/// Whose manners it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manners {
    Ferric,
    /// Knows no header of ours, chooses the ids of its commands itself.
    Ironic,
}

/// What a machine has that outlives its ramdisk.
#[derive(Debug)]
pub struct Hardware {
    pub name: String,
    pub manners: Manners,
    pub writing: Duration,
    /// Nothing that was written is done before it is open.
    pub gate: Gate,
    pub disk: PathBuf,
    /// How often an image was begun to be written to the disk.
    pub writes: AtomicU32,
    pub traces: Arc<Traces>,
}

/// One boot of the ramdisk.
pub struct Agent {
    hardware: Arc<Hardware>,
    boot: Uuid,
    commands: Mutex<Commands>,
    pub token: Mutex<Option<String>>,
    work: Mutex<JoinSet<()>>,
    power_off: Mutex<Option<oneshot::Sender<()>>>,
    pub command_ended: tokio::sync::Notify,
}

impl Agent {
    /// The machine switches itself off when the receiver hears something.
    pub fn new(hardware: Arc<Hardware>) -> (Arc<Self>, oneshot::Receiver<()>) {
        let (power_off, told) = oneshot::channel();
        let agent = Self {
            hardware,
            boot: Uuid::new_v4(),
            commands: Mutex::default(),
            token: Mutex::default(),
            work: Mutex::default(),
            power_off: Mutex::new(Some(power_off)),
            command_ended: tokio::sync::Notify::new(),
        };
        (Arc::new(agent), told)
    }

    /// The machine lost its power: nothing goes on.
    pub fn die(&self) {
        self.work.lock().abort_all();
    }

    pub async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Reply {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let path = request.uri().path().trim_end_matches('/').to_owned();
        let token = self.token.lock().clone();
        if token.is_none() || argument(&query, "agent_token") != token {
            return json(401, &fault("401 Unauthorized: Token invalid."));
        }
        let (head, body) = request.into_parts();
        let id = path
            .strip_prefix("/v1/commands/")
            .and_then(|id| id.parse().ok());
        match (head.method, id) {
            (Method::GET, Some(id)) => match self.commands.lock().show(id) {
                Some(shown) => json(200, &shown),
                None => json(404, &fault("no such command")),
            },
            (Method::GET, None) if path == "/v1/commands" => {
                json(200, &self.commands.lock().show_all())
            }
            (Method::POST, None) if path == "/v1/commands" => {
                let Ok(body) = body.collect().await else {
                    return json(400, &fault("the body was cut off"));
                };
                let Ok(body) = serde_json::from_slice::<Value>(&body.to_bytes()) else {
                    return json(400, &fault("the body is no JSON"));
                };
                let waits = argument(&query, "wait").as_deref() == Some("true");
                let order = self.order(&head.headers, &body);
                let epoch = header(&head.headers, "x-ferric-epoch");
                self.post(order, epoch, waits).await
            }
            _ => json(404, &fault("no such resource")),
        }
    }

    fn order(&self, headers: &HeaderMap, body: &Value) -> Order {
        let agreed = self.hardware.manners == Manners::Ferric;
        Order {
            name: body["name"].as_str().unwrap_or_default().to_owned(),
            params: body["params"].clone(),
            id: header(headers, "x-ferric-command-id").filter(|_| agreed),
            epoch: header(headers, "x-ferric-epoch").filter(|_| agreed),
        }
    }

    fn note(&self, order: &Order, epoch: Option<u64>, begun: &Result<Begun, Refused>) {
        let verdict = match begun {
            Ok(Begun::New(_)) => Verdict::Begun,
            Ok(Begun::Known(_)) => Verdict::Known,
            Err(Refused::Stale(_)) => Verdict::Stale,
            Err(Refused::Busy(_)) => Verdict::Busy,
        };
        let (machine, traces) = (&self.hardware.name, &self.hardware.traces);
        if verdict == Verdict::Begun {
            traces.note(machine, Seen::Command(order.name.clone()));
        }
        let came = Came {
            at: Timestamp::now(),
            boot: self.boot,
            command: order.name.clone(),
            is_write: is_write(order),
            epoch,
            verdict,
        };
        traces.note_command(machine, came);
    }

    /// `epoch` is what the conductor said, whether this agent knows what that is or not.
    async fn post(self: Arc<Self>, order: Order, epoch: Option<u64>, waits: bool) -> Reply {
        let (done, answer) = oneshot::channel();
        let agent = self.clone();
        self.work.lock().spawn(async move {
            let reply = agent.take(order, epoch, waits).await;
            // Whoever asked may be dead.
            drop(done.send(reply));
        });
        match answer.await {
            Ok(reply) => reply,
            Err(_the_machine_died) => std::future::pending().await,
        }
    }

    async fn take(self: Arc<Self>, order: Order, epoch: Option<u64>, waits: bool) -> Reply {
        sleep(BEFORE).await;
        let begun = {
            let mut commands = self.commands.lock();
            let begun = commands.begin(&order, self.takes(&order));
            self.note(&order, epoch, &begun);
            begun
        };
        let id = match begun {
            Err(Refused::Stale(text) | Refused::Busy(text)) => return json(409, &fault(&text)),
            Ok(Begun::Known(id)) => id,
            Ok(Begun::New(id)) => {
                self.clone().act(&order, id);
                id
            }
        };
        sleep(AFTER).await;
        while waits && !self.commands.lock().is_done(id) {
            sleep(LOOK).await;
        }
        let shown = self.commands.lock().show(id);
        json(200, &shown.unwrap_or_default())
    }

    fn takes(&self, order: &Order) -> Duration {
        match order.name.as_str() {
            "deploy.execute_deploy_step" if is_write(order) => self.hardware.writing,
            "image.install_bootloader" => Duration::from_millis(250),
            _ => Duration::ZERO,
        }
    }

    fn act(self: Arc<Self>, order: &Order, id: Uuid) {
        if is_write(order) {
            self.hardware.writes.fetch_add(1, Ordering::SeqCst);
            let info = order.params["step"]["args"]["image_info"].clone();
            let agent = self.clone();
            self.work.lock().spawn(async move {
                let written = agent.write(&info).await.map_err(|error| error.to_string());
                agent.hardware.gate.pass().await;
                sleep(agent.hardware.writing).await;
                agent.commands.lock().end(id, written);
                agent.command_ended.notify_one();
            });
        }
        if order.name == "standby.power_off"
            && let Some(power_off) = self.power_off.lock().take()
        {
            // Whoever listens is the machine, and it is there as long as this is.
            power_off.send(()).unwrap_or_default();
        }
    }

    /// From the image's server to the disk, verified.
    async fn write(&self, info: &Value) -> anyhow::Result<()> {
        use sha2::{Digest, Sha256};
        let url = info["urls"][0].as_str().unwrap_or_default();
        let client = reqwest::Client::builder().no_proxy().build()?;
        let content = client.get(url).send().await?.bytes().await?;
        let digest: String = Sha256::digest(&content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        anyhow::ensure!(
            info["os_hash_value"] == digest.as_str(),
            "the checksum is {digest}"
        );
        tokio::fs::write(&self.hardware.disk, &content).await?;
        Ok(())
    }
}

fn header<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

fn argument(query: &str, key: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(name, _)| *name == key);
    found.next().map(|(_, value)| value.to_owned())
}

fn fault(text: &str) -> Value {
    value!({"faultcode": "Client", "faultstring": text})
}
