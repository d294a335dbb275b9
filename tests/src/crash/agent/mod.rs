//! An agent as the conductor meets it: HTTPS with a certificate of its own, a token, commands that take their time.
//!
//! It goes on with what it was told when the connection breaks, as any server does that has read a request.

pub(crate) mod commands;

use super::serve::{Reply, json};
use super::trace::{Seen, Traces};
use commands::{Begun, Commands, Order, is_write};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{HeaderMap, Method, Request};
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
pub(crate) const BEFORE: Duration = Duration::from_millis(40);
pub(crate) const AFTER: Duration = Duration::from_millis(40);
const LOOK: Duration = Duration::from_millis(10);

/// Whose manners it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Manners {
    Ferric,
    /// Knows no header of ours, chooses the ids of its commands itself.
    Ironic,
}

/// What a machine has that outlives its ramdisk.
#[derive(Debug)]
pub(crate) struct Hardware {
    pub(crate) name: String,
    pub(crate) manners: Manners,
    pub(crate) writing: Duration,
    pub(crate) disk: PathBuf,
    /// How often an image was begun to be written to the disk.
    pub(crate) writes: AtomicU32,
    pub(crate) traces: Arc<Traces>,
}

/// One boot of the ramdisk.
pub(crate) struct Agent {
    hardware: Arc<Hardware>,
    commands: Mutex<Commands>,
    pub(crate) token: Mutex<Option<String>>,
    work: Mutex<JoinSet<()>>,
    power_off: Mutex<Option<oneshot::Sender<()>>>,
    pub(crate) command_ended: tokio::sync::Notify,
}

impl Agent {
    /// The machine switches itself off when the receiver hears something.
    pub(crate) fn new(hardware: Arc<Hardware>) -> (Arc<Self>, oneshot::Receiver<()>) {
        let (power_off, told) = oneshot::channel();
        let agent = Self {
            hardware,
            commands: Mutex::default(),
            token: Mutex::default(),
            work: Mutex::default(),
            power_off: Mutex::new(Some(power_off)),
            command_ended: tokio::sync::Notify::new(),
        };
        (Arc::new(agent), told)
    }

    /// The machine lost its power: nothing goes on.
    pub(crate) fn die(&self) {
        self.work.lock().abort_all();
    }

    pub(crate) async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Reply {
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
                self.post(order, waits).await
            }
            _ => json(404, &fault("no such resource")),
        }
    }

    fn order(&self, headers: &HeaderMap, body: &Value) -> Order {
        let agreed = self.hardware.manners == Manners::Ferric;
        let header = |name: &str| headers.get(name).filter(|_| agreed)?.to_str().ok();
        Order {
            name: body["name"].as_str().unwrap_or_default().to_owned(),
            params: body["params"].clone(),
            id: header("x-ferric-command-id").and_then(|id| id.parse().ok()),
            epoch: header("x-ferric-epoch").and_then(|epoch| epoch.parse().ok()),
        }
    }

    async fn post(self: Arc<Self>, order: Order, waits: bool) -> Reply {
        let (done, answer) = oneshot::channel();
        let agent = self.clone();
        self.work.lock().spawn(async move {
            let reply = agent.take(order, waits).await;
            // Whoever asked may be dead.
            drop(done.send(reply));
        });
        match answer.await {
            Ok(reply) => reply,
            Err(_the_machine_died) => std::future::pending().await,
        }
    }

    async fn take(self: Arc<Self>, order: Order, waits: bool) -> Reply {
        sleep(BEFORE).await;
        let begun = {
            let mut commands = self.commands.lock();
            let begun = commands.begin(&order, self.takes(&order));
            if let Ok(Begun::New(_)) = begun {
                let seen = Seen::Command(order.name.clone());
                self.hardware.traces.note(&self.hardware.name, seen);
            }
            begun
        };
        let id = match begun {
            Err(refused) => return json(409, &fault(&refused.0)),
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

fn argument(query: &str, key: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut found = pairs.filter(|(name, _)| *name == key);
    found.next().map(|(_, value)| value.to_owned())
}

fn fault(text: &str) -> Value {
    value!({"faultcode": "Client", "faultstring": text})
}
