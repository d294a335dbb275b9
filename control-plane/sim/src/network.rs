//! The network from one conductor's life to the agents: messages and answers get lost, come late, or twice.

use crate::agent::{Begun, Terms};
use crate::link::Link;
use crate::machine::{Disk, Machine, Manners};
use crate::standing::Needs;
use crate::world::World;
use async_trait::async_trait;
use ferric::conductor::{AgentAnswer, AgentCall, AgentTransport, TransportError, Verb};
use ferric_agent_protocol::command::CommandRequest;
use ferric_agent_protocol::headers::{FERRIC_COMMAND_ID, FERRIC_EPOCH, TOKEN_QUERY};
use ferric_model::ids::RunId;
use ferric_model::run::Activity;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// More messages of one machine do not get lost in a row: a network that takes nothing for longer is a fault of its own.
const LOST_IN_A_ROW: u32 = 2;

pub(crate) struct Network {
    world: Arc<World>,
    link: Arc<Link>,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Good,
    Lost,
    AnswerLost,
    Twice,
}

fn down(why: &str) -> TransportError {
    TransportError::Down(why.to_owned())
}

impl Network {
    pub(crate) fn new(world: &Arc<World>, link: &Arc<Link>) -> Self {
        Self {
            world: world.clone(),
            link: link.clone(),
        }
    }

    fn fate(&self, machine: &Machine) -> Fate {
        let (world, faults) = (&self.world, &self.world.plan.faults);
        if world.fault(faults.loss) {
            let mut state = machine.state.lock();
            if state.lost_in_a_row < LOST_IN_A_ROW {
                state.lost_in_a_row += 1;
                return match world.dice.chance(0.5) {
                    true => Fate::Lost,
                    false => Fate::AnswerLost,
                };
            }
        }
        // Ironic's agent cannot tell a command that comes twice from two commands.
        if machine.manners == Manners::Ferric && world.fault(faults.doubling) {
            return Fate::Twice;
        }
        Fate::Good
    }

    /// How long a message is on its way.
    fn latency(&self, machine: &Machine) -> Duration {
        let (dice, faults) = (&self.world.dice, &self.world.plan.faults);
        match self.world.fault(faults.delay) {
            false => dice.millis(1, 80),
            true if machine.manners == Manners::Ironic => dice.millis(80, 4000),
            true => dice.millis(80, 12_000),
        }
    }

    /// Brings it to the agent, now or behind the sender's back.
    async fn deliver(
        &self,
        machine: usize,
        call: &AgentCall,
        fate: Fate,
    ) -> Result<AgentAnswer, TransportError> {
        let world = &self.world;
        let its = &world.machines[machine];
        let way = self.latency(its);
        if way > call.timeout && its.state.lock().lost_in_a_row < LOST_IN_A_ROW {
            its.state.lock().lost_in_a_row += 1;
            let late = Late::new(self, machine, call);
            world.spawn(async move { late.arrive(way).await });
            sleep(call.timeout).await;
            return Err(down("no answer in time"));
        }
        sleep(way.min(call.timeout)).await;
        self.link.arrive().await;
        if fate == Fate::Twice {
            let again = Late::new(self, machine, call);
            let way = world.dice.millis(1, 6000);
            world.spawn(async move { again.arrive(way).await });
        }
        arrive(world, &self.link, machine, call)
    }
}

/// A message that comes when nobody waits for its answer any more.
struct Late {
    world: Arc<World>,
    link: Arc<Link>,
    machine: usize,
    call: AgentCall,
}

impl Late {
    fn new(network: &Network, machine: usize, call: &AgentCall) -> Self {
        Self {
            world: network.world.clone(),
            link: network.link.clone(),
            machine,
            call: call.clone(),
        }
    }

    async fn arrive(self, way: Duration) {
        sleep(way).await;
        // Connections end with the process that made them.
        if !self.link.is_cut() {
            let answer = arrive(&self.world, &self.link, self.machine, &self.call);
            let status = answer.map_or(0, |answer| answer.status);
            self.world.log.note(&self.link, || {
                format!("node {}: came late or twice, {status}", self.machine)
            });
        }
    }
}

#[async_trait]
impl AgentTransport for Network {
    async fn send(&self, call: AgentCall) -> Result<AgentAnswer, TransportError> {
        let asked = Instant::now();
        self.link.pass().await;
        // Whoever goes on looks at the clock first: what was not sent within its time is not sent later.
        if asked.elapsed() >= call.timeout {
            return Err(down("no answer in time"));
        }
        let world = &self.world;
        let mut machines = world.machines.iter();
        let machine = machines.find(|machine| call.url.starts_with(&machine.url()));
        let machine = machine.ok_or_else(|| down("no route to host"))?;
        let name = command_name(&call);
        let _effect = name.map(|name| {
            let observer = &world.observer;
            observer.effect(world, &self.link, machine.index, (name, Needs::Run))
        });
        let fate = self.fate(machine);
        let answer = match fate {
            Fate::Lost => Err(down("lost")),
            _ => self.deliver(machine.index, &call, fate).await,
        };
        if matches!(fate, Fate::Lost | Fate::AnswerLost) {
            // A connection that is cut is noticed at once, one that is silent is not.
            let silence = match world.dice.chance(0.5) {
                true => call.timeout,
                false => world.dice.millis(1, 2000),
            };
            sleep(silence).await;
            self.link.pass().await;
            return Err(down("the answer is lost"));
        }
        sleep(world.dice.millis(1, 80)).await;
        self.link.pass().await;
        if answer.is_ok() {
            machine.state.lock().lost_in_a_row = 0;
        }
        answer
    }
}

/// Of commands that change something; questions may be asked by anybody at any time.
fn command_name(call: &AgentCall) -> Option<&'static str> {
    let name = call.body.as_ref()?["name"].as_str()?;
    match name {
        "deploy.execute_deploy_step" => Some("deploy step"),
        "clean.execute_clean_step" => Some("clean step"),
        "service.execute_service_step" => Some("service step"),
        "image.install_bootloader" => Some("install bootloader"),
        "standby.power_off" => Some("agent's power off"),
        "rescue.finalize_rescue" => Some("rescue password"),
        _ => None,
    }
}

fn refused(status: u16, fault: &str) -> AgentAnswer {
    AgentAnswer {
        status,
        body: json!({"faultstring": fault}),
    }
}

fn header<'c>(call: &'c AgentCall, wanted: &str) -> Option<&'c String> {
    let mut headers = call.headers.iter();
    headers
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

/// What becomes of a command that has come to the agent.
fn terms(world: &World, id: Option<&String>) -> Terms {
    Terms {
        id: id.and_then(|id| id.parse().ok()),
        own_id: Uuid::from_bytes(world.dice.bytes()),
        takes: match world.dice.chance(0.8) {
            true => world.dice.seconds(2, 25),
            false => world.dice.seconds(25, 90),
        },
        error: world
            .fault(world.plan.faults.agent_error)
            .then_some("the disk is worn out"),
    }
}

/// At the agent.
fn arrive(
    world: &Arc<World>,
    link: &Link,
    index: usize,
    call: &AgentCall,
) -> Result<AgentAnswer, TransportError> {
    let machine = &world.machines[index];
    let answer = {
        let mut state = machine.state.lock();
        state.settle();
        let agent = state.agent.as_mut();
        let agent = agent.ok_or_else(|| down("connection refused"))?;
        if call.certificate.as_ref() != Some(&agent.certificate) {
            return Err(down("another certificate"));
        }
        let mut query = call.query.iter();
        let token = query.find(|(key, _)| *key == TOKEN_QUERY);
        if agent.token.is_none() || token.map(|(_, token)| token) != agent.token.as_ref() {
            return Ok(refused(401, "401 Unauthorized: Token invalid."));
        }
        if call.verb == Verb::Get {
            return Ok(AgentAnswer {
                status: 200,
                body: agent.list(),
            });
        }
        let is_ours = machine.manners == Manners::Ferric;
        if let Some(epoch) = header(call, FERRIC_EPOCH).filter(|_| is_ours) {
            let epoch = epoch.parse().unwrap_or(0);
            if epoch < agent.epoch {
                return Ok(refused(
                    409,
                    "the conductor does not own this node any more",
                ));
            }
            agent.epoch = epoch;
        }
        let body = call.body.clone().unwrap_or_default();
        let request: CommandRequest =
            serde_json::from_value(body).map_err(TransportError::NotJson)?;
        let terms = terms(world, header(call, FERRIC_COMMAND_ID).filter(|_| is_ours));
        if terms.error.is_some() {
            state.excuse = Some((tokio::time::Instant::now(), "its agent's step fails"));
        }
        let Some(agent) = state.agent.as_mut() else {
            return Err(down("connection refused"));
        };
        agent.post(request, &terms)
    };
    match answer {
        Err(fault) => Ok(refused(409, &fault)),
        Ok((body, begun)) => {
            match begun {
                Begun::Nothing => {}
                Begun::PowerOff => machine.stop(world),
                Begun::Silence => machine.state.lock().agent = None,
                Begun::Write => note_write(world, link, machine),
            }
            Ok(AgentAnswer { status: 200, body })
        }
    }
}

/// The image is written from now on: by the owner of the node, and once in each boot.
fn note_write(world: &World, link: &Link, machine: &Machine) {
    let node = machine.node_as_stored(world);
    let run = node.as_ref().and_then(|node| node.run.as_ref());
    let activity = run.map(|run| run.activity);
    if !matches!(activity, Some(Activity::Deploy | Activity::Rebuild)) {
        world.violation(format!(
            "{link} writes the disk of machine {}, which is not deployed: {activity:?}",
            machine.index
        ));
    }
    let run = run.map_or(RunId(Uuid::nil()), |run| run.id);
    let owner = node.as_ref().and_then(|node| node.ownership.as_ref());
    if owner.map(|owner| owner.incarnation) != link.incarnation.get().copied() {
        world.violation(format!(
            "{link} writes the disk of machine {}, whose node it does not own",
            machine.index
        ));
    }
    let mut state = machine.state.lock();
    let boot = state.boots;
    if state.written_in == Some((run, boot)) {
        world.violation(format!(
            "{link} has the image of machine {} written twice",
            machine.index
        ));
    }
    state.written_in = Some((run, boot));
    state.disk = Disk::Partial(run);
    world.log.note(
        format_args!("machine {}", machine.index),
        || "writes the image",
    );
}
