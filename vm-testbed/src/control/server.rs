//! The daemon's side of the control socket.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{MachineLine, Reply, Request};
use crate::machine::Machine;
use crate::redfish::Bmc;
use crate::state::StateDir;

/// What a command may reach.
pub struct Steering {
    pub machines: Vec<(Machine, Bmc)>,
    pub stop: CancellationToken,
}

pub struct Server {
    socket: UnixListener,
    steering: Arc<Steering>,
}

impl Server {
    pub fn bind(directory: &StateDir, steering: Steering) -> anyhow::Result<Server> {
        let path = directory.control_socket()?;
        let socket = UnixListener::bind(&path.path).context("binding the control socket")?;
        Ok(Server {
            socket,
            steering: Arc::new(steering),
        })
    }

    pub async fn serve(self) -> anyhow::Result<()> {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = connections.join_next() => {}
                accepted = self.socket.accept() => {
                    let (stream, _) = accepted.context("accepting on the control socket")?;
                    connections.spawn(converse(stream, self.steering.clone()));
                }
            }
        }
    }
}

async fn converse(stream: UnixStream, steering: Arc<Steering>) {
    if let Err(error) = answer_all(stream, &steering).await {
        tracing::debug!("a control connection broke: {error:#}");
    }
}

async fn answer_all(stream: UnixStream, steering: &Steering) -> anyhow::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let reply = match serde_json::from_str(&line) {
            Ok(request) => steering.carry_out(request).await,
            Err(error) => Reply::Failed(format!("not a request: {error}")),
        };
        let mut answer = serde_json::to_string(&reply)?;
        answer.push('\n');
        stream.get_mut().write_all(answer.as_bytes()).await?;
        line.clear();
    }
    Ok(())
}

impl Steering {
    async fn carry_out(&self, request: Request) -> Reply {
        match request {
            Request::List => Reply::Machines(
                self.machines
                    .iter()
                    .map(|(machine, _)| line(machine))
                    .collect(),
            ),
            Request::Power { name, reset } => match self.find(&name) {
                Ok((machine, _)) => done(machine.reset(reset).await),
                Err(error) => done(Err(error)),
            },
            Request::Disk { name, index, place } => match self.find(&name) {
                Ok((machine, _)) => done(machine.put_disk(index, place).await),
                Err(error) => done(Err(error)),
            },
            Request::Fault { name, fault } => {
                done(self.find(&name).map(|(_, bmc)| bmc.set_fault(fault)))
            }
            Request::Down => {
                self.stop.cancel();
                Reply::Done
            }
        }
    }

    fn find(&self, name: &str) -> anyhow::Result<&(Machine, Bmc)> {
        let found = self
            .machines
            .iter()
            .find(|(machine, _)| machine.config().name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self
                .machines
                .iter()
                .map(|(machine, _)| machine.config().name.as_str())
                .collect();
            anyhow!("there is no machine {name}; there are {}", names.join(", "))
        })
    }
}

fn done(result: anyhow::Result<()>) -> Reply {
    match result {
        Ok(()) => Reply::Done,
        Err(error) => Reply::Failed(format!("{error:#}")),
    }
}

fn line(machine: &Machine) -> MachineLine {
    let (config, status) = (machine.config(), machine.status());
    let scheme = if config.bmc.tls { "https" } else { "http" };
    MachineLine {
        name: config.name.clone(),
        uuid: config.uuid.to_string(),
        power: status.power,
        firmware: format!("{:?}", status.boot.mode),
        bmc: format!("{scheme}://{}", config.bmc.listen),
        accel: machine.blueprint().accel.name().to_owned(),
        starts: status.starts,
        boot_target: format!("{:?}", status.boot.target),
        boot_enabled: format!("{:?}", status.boot.enabled),
        medium: status.medium.map(|medium| medium.url.to_string()),
    }
}
