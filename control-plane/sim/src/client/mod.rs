//! Whoever has the machines: enrols one, brings it where it can be deployed, deploys it and takes it back, again and again.
//!
//! A run that failed as it may is asked for anew.

mod abort;
mod adoption;
mod errands;
mod judge;
mod listed;
mod power;
mod rescue;

use crate::host::LOOK;
use crate::images::IMAGE;
use crate::machine::Machine;
use crate::world::World;
use ferric::conductor::Conductor;
use ferric::conductor::requests::{Maintenance, ProvisionRequest, RequestError};
use ferric_model::ids::PortId;
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use ferric_store::{Key, Table};
use parking_lot::Mutex;
use serde_json::json;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

/// Runs that a client asks for until it gives up on a goal.
const TRIES: u32 = 60;
/// Longer than any run, with every time-out, times without conductors, and a clock that was put back in it.
const PATIENCE: Duration = Duration::from_secs(60 * 3600);

pub(crate) async fn live(world: &Arc<World>, index: usize) {
    let client = Client {
        world,
        machine: &world.machines[index],
        began: Mutex::new(Instant::now()),
        abort_asked: Mutex::new(None),
    };
    sleep(world.dice.seconds(1, 60)).await;
    client.enrol().await;
    if !client.begin_otherwise().await {
        return;
    }
    for _ in 0..world.plan.deploys {
        if !client.reach(State::Active).await {
            return;
        }
        client.check_instance();
        world.observer.count_deploy();
        if !client.run_errand().await {
            return;
        }
        for _ in 0..world.dice.count(0, world.plan.most_rebuilds) {
            sleep(world.dice.seconds(1, 60)).await;
            if !client.rebuild().await {
                return;
            }
            client.check_instance();
            world.observer.count_deploy();
            if !client.run_errand().await {
                return;
            }
        }
        sleep(world.dice.seconds(1, 60)).await;
        if !client.reach(State::Available).await {
            return;
        }
        sleep(world.dice.seconds(0, 30)).await;
    }
}

struct Client<'w> {
    world: &'w Arc<World>,
    machine: &'w Machine,
    /// The last run.
    began: Mutex<Instant>,
    /// The last abort.
    abort_asked: Mutex<Option<Instant>>,
}

impl Client<'_> {
    /// Asks the conductors in turn until one answers.
    async fn ask<T, F>(
        &self,
        what: &str,
        request: impl Fn(Conductor) -> F,
    ) -> Result<T, RequestError>
    where
        F: Future<Output = Result<T, RequestError>>,
    {
        let world = self.world;
        world.somebody_up().await;
        let mut host = world.dice.below(world.hosts.len());
        let mut last = RequestError::NotFound("nobody answers".to_owned());
        for _ in 0..world.hosts.len() {
            sleep(world.dice.millis(1, 50)).await;
            if let Some(conductor) = world.hosts[host].conductor() {
                let answer = timeout(Duration::from_secs(60), request(conductor)).await;
                let lost = world.fault(world.plan.faults.loss);
                world
                    .log
                    .note(format_args!("client {}", self.machine.index), || {
                        let outcome = match &answer {
                            Ok(Ok(_)) => "is taken".to_owned(),
                            Ok(Err(error)) => format!("is refused: {error}"),
                            Err(_) => "is not answered".to_owned(),
                        };
                        format!("{what} {outcome}")
                    });
                match answer {
                    Ok(Ok(_)) if lost => {}
                    Ok(Err(
                        error @ (RequestError::Busy { .. } | RequestError::Internal { .. }),
                    )) => {
                        last = error;
                    }
                    Ok(answer) => return answer,
                    Err(_elapsed) => {}
                }
            }
            host = (host + 1) % world.hosts.len();
        }
        Err(last)
    }

    /// What no answer says, or one that a lost answer was followed by.
    fn is_stored(&self, table: Table, id: Uuid) -> bool {
        self.world.store.read(&Key::new(table, id)).is_some()
    }

    async fn enrol(&self) {
        let machine = self.machine;
        let port_id = PortId(Uuid::from_u128(0x9000 + machine.index as u128));
        loop {
            let created = self.ask("enrolling", |conductor| async move {
                let mut node = Node::new(machine.node, "fake-hardware", conductor.now());
                for (kind, name) in [
                    ("boot", "ipxe"),
                    ("deploy", "direct"),
                    ("inspect", "agent"),
                    ("network", "noop"),
                    ("rescue", "agent"),
                ] {
                    node.interfaces.insert(kind.to_owned(), name.to_owned());
                }
                conductor.create_node(node).await.map(drop)
            });
            if created.await.is_ok() || self.is_stored(Table::Node, machine.node.0) {
                break;
            }
            sleep(LOOK).await;
        }
        loop {
            let created = self.ask("making a port", |conductor| async move {
                let address = machine.address.clone();
                let port = Port::new(port_id, address, machine.node, conductor.now());
                conductor.create_port(port).await.map(drop)
            });
            if created.await.is_ok() || self.is_stored(Table::Port, port_id.0) {
                break;
            }
            sleep(LOOK).await;
        }
    }

    fn node(&self) -> Option<Arc<Node>> {
        self.machine.node_as_stored(self.world)
    }

    /// Brings the node there, one run after the other; answers whether it got there.
    async fn reach(&self, goal: State) -> bool {
        let (mut tries, since) = (0, Instant::now());
        while tries < TRIES && since.elapsed() < PATIENCE {
            let Some(node) = self.rest().await else {
                return false;
            };
            if node.provision_state == goal {
                return true;
            }
            if node.maintenance {
                self.end_maintenance().await;
                continue;
            }
            *self.began.lock() = Instant::now();
            let verb = self.next(&node, goal);
            if verb == Verb::Deploy && !node.instance_info.contains_key("image_source") {
                self.name_image().await;
                continue;
            }
            if !self.start(&ProvisionRequest::new(verb), &node).await {
                sleep(self.world.dice.seconds(1, 10)).await;
                continue;
            }
            tries += 1;
            self.may_abort().await;
            let Some(node) = self.rest().await else {
                return false;
            };
            if !self.judge(&node, verb) {
                return false;
            }
        }
        self.violation(&format!("never gets to {goal}"));
        false
    }

    /// Has the image written anew; answers whether the node is active in the end.
    async fn rebuild(&self) -> bool {
        let before = self.machine.disk();
        let rebuilt = self.run(&ProvisionRequest::new(Verb::Rebuild)).await;
        let Some(node) = rebuilt else { return false };
        if !self.judge(&node, Verb::Rebuild) || !self.reach(State::Active).await {
            return false;
        }
        if self.machine.disk() == before {
            self.violation("is rebuilt, and nobody has written its disk");
        }
        true
    }

    /// One run; the node as it is at its end.
    async fn run(&self, request: &ProvisionRequest) -> Option<Arc<Node>> {
        if !self.begin(request).await {
            return None;
        }
        self.may_abort().await;
        self.rest().await
    }

    /// Asks until the run has begun, and answers whether it has.
    async fn begin(&self, request: &ProvisionRequest) -> bool {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            let Some(node) = self.rest().await else {
                return false;
            };
            if node.maintenance {
                self.end_maintenance().await;
                continue;
            }
            *self.began.lock() = Instant::now();
            if self.start(request, &node).await {
                return true;
            }
            sleep(self.world.dice.seconds(1, 10)).await;
        }
        self.violation(&format!("{} is never begun", request.verb.name()));
        false
    }

    /// Says what is to be deployed; the end of an instance makes that forgotten.
    async fn name_image(&self) {
        let key = Key::new(Table::Node, &self.machine.id);
        let asked = self.ask("naming an image", |conductor| {
            let record = self.world.store.read(&key);
            async move {
                let gone = || RequestError::NotFound("the node is gone".to_owned());
                let record = record.ok_or_else(gone)?;
                let mut node: Node = record.decode()?;
                for (name, value) in [("image_source", IMAGE), ("image_checksum", "sha256:ab")] {
                    node.instance_info.insert(name.to_owned(), json!(value));
                }
                conductor.update_node(&record, node).await.map(drop)
            }
        });
        if asked.await.is_err() {
            sleep(LOOK).await;
        }
    }

    fn next(&self, node: &Node, goal: State) -> Verb {
        let back = goal == State::Available;
        match node.provision_state {
            State::Enroll | State::CleanFailed | State::AdoptFailed => Verb::Manage,
            State::InspectFailed => Verb::Inspect,
            State::Manageable if node.inspection_finished_at.is_none() => Verb::Inspect,
            State::Manageable => Verb::Provide,
            State::Available => Verb::Deploy,
            State::DeployFailed if back || self.world.dice.chance(0.3) => Verb::Undeploy,
            State::DeployFailed => Verb::Deploy,
            State::ServiceFailed if !back => Verb::Abort,
            State::Rescue | State::RescueFailed | State::UnrescueFailed if !back => Verb::Unrescue,
            _ => Verb::Undeploy,
        }
    }

    /// Whether the run has begun, whatever came back of the request.
    async fn start(&self, request: &ProvisionRequest, before: &Node) -> bool {
        let (id, verb) = (self.machine.node, request.verb);
        let asked = self.ask(verb.name(), |conductor| {
            let request = request.clone();
            async move { conductor.provision(id, request).await }
        });
        match asked.await {
            Ok(()) => true,
            Err(error) => {
                let node = self.node();
                let moved = |node: &Node| {
                    node.run.is_some()
                        || node.provision_state != before.provision_state
                        || node.provision_updated_at != before.provision_updated_at
                };
                let moved = node.as_deref().is_some_and(moved);
                if let RequestError::Invalid(text) = &error
                    && !moved
                {
                    self.violation(&format!("{} is refused: {text}", verb.name()));
                }
                moved
            }
        }
    }

    async fn end_maintenance(&self) {
        let id = self.machine.node;
        let asked = self.ask("ending maintenance", |conductor| async move {
            conductor.set_maintenance(id, Maintenance::Off).await
        });
        if asked.await.is_err() {
            sleep(LOOK).await;
        }
    }

    /// The node once nothing is done to it any more.
    async fn rest(&self) -> Option<Arc<Node>> {
        self.until(|| {
            let rests = self.machine.state.lock().node_rests;
            rests.then(|| self.node()).flatten()
        })
        .await
    }

    /// What is found in the node, which is looked at anew whenever somebody has written it.
    async fn until<T>(&self, find: impl Fn() -> Option<T>) -> Option<T> {
        let waiting = async {
            loop {
                let changed = self.machine.changed.notified();
                if let Some(found) = find() {
                    return found;
                }
                changed.await;
            }
        };
        match timeout(PATIENCE, waiting).await {
            Ok(found) => Some(found),
            Err(_elapsed) => {
                let state = self.node().map(|node| {
                    format!(
                        "{} {:?}",
                        node.provision_state,
                        node.run
                            .as_ref()
                            .map(|run| (run.index, &run.phase, &run.wait))
                    )
                });
                self.violation(&format!("does not come to rest: {state:?}"));
                None
            }
        }
    }
}
