//! Sees every write and every effect, and knows what may never be. The conductors know nothing of it.

use crate::link::Link;
use crate::standing::{Needs, Standing};
use crate::world::{Outcome, World};
use ferric_model::ids::{Epoch, Incarnation};
use ferric_model::node::Node;
use ferric_store::transaction::Put;
use ferric_store::{FieldValue, Key, Revision, StoreError, Table, Transaction};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

pub(crate) struct Observer {
    nodes: Mutex<Vec<Seen>>,
    /// The last beat of each host's conductor.
    beats: Mutex<Vec<Option<(Incarnation, Instant)>>>,
    violations: Mutex<Vec<String>>,
    deploys: AtomicU64,
    failures: AtomicU64,
    crashes: AtomicU64,
}

/// What is known of a node.
#[derive(Clone, Default)]
struct Seen {
    owner: Option<(Epoch, Incarnation)>,
    last_writer: Option<Incarnation>,
    /// Effects that are under way, each with the life that it is of.
    effects: Vec<(Incarnation, &'static str)>,
}

/// What a transaction writes, before it is judged by the store.
pub(crate) struct Writes {
    nodes: Vec<Write>,
    /// Of the conductor that commits it; whether it leaves.
    beat: Option<bool>,
}

/// A write of a node.
struct Write {
    machine: usize,
    epoch: Epoch,
    /// Whose it is from then on, where it changes hands.
    new_owner: Option<Incarnation>,
    rests: bool,
    /// For the log, if anybody keeps it.
    line: Option<String>,
}

/// An effect that is under way.
pub(crate) struct Effect {
    world: Arc<World>,
    machine: usize,
    of: Incarnation,
    what: &'static str,
}

impl Drop for Effect {
    fn drop(&mut self) {
        let mut nodes = self.world.observer.nodes.lock();
        let effects = &mut nodes[self.machine].effects;
        let ours = effects
            .iter()
            .position(|effect| *effect == (self.of, self.what));
        if let Some(ours) = ours {
            effects.remove(ours);
        }
    }
}

impl Observer {
    pub(crate) fn new(nodes: usize, hosts: usize) -> Self {
        Self {
            beats: Mutex::new(vec![None; hosts]),
            nodes: Mutex::new(vec![Seen::default(); nodes]),
            violations: Mutex::default(),
            deploys: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            crashes: AtomicU64::new(0),
        }
    }

    /// Whose a node is, as it is stored.
    pub(crate) fn owner(&self, machine: usize) -> Option<Incarnation> {
        self.nodes.lock()[machine].owner.map(|(_, owner)| owner)
    }

    pub(crate) fn add(&self, violation: String) {
        self.violations.lock().push(violation);
    }

    pub(crate) fn has_violations(&self) -> bool {
        !self.violations.lock().is_empty()
    }

    pub(crate) fn count_deploy(&self) {
        self.deploys.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_crash(&self) {
        self.crashes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn outcome(&self, log: String) -> Outcome {
        Outcome {
            deploys: self.deploys.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            crashes: self.crashes.load(Ordering::Relaxed),
            violations: self.violations.lock().clone(),
            log,
        }
    }

    /// The nodes that a transaction writes.
    pub(crate) fn before(&self, world: &World, link: &Link, transaction: &Transaction) -> Writes {
        let puts = transaction.put.iter();
        let nodes = puts.filter(|put| put.key.table == Table::Node);
        let writes = nodes.filter_map(|put| {
            let machine = world.machine_of(&put.key.id)?.index;
            check_wait(world, link, put);
            Some(Write {
                machine,
                epoch: put.epoch.unwrap_or_default(),
                new_owner: self.new_owner(machine, put),
                rests: ["running", "reserved"]
                    .iter()
                    .all(|name| *field(put, name) == FieldValue::Bool(false)),
                line: world.log.is_kept().then(|| line(put)),
            })
        });
        let host = world.hosts[link.host].name();
        let mut puts = transaction.put.iter();
        let beat = puts.find(|put| put.key.table == Table::Conductor && put.key.id == host);
        Writes {
            nodes: writes.collect(),
            beat: beat.map(|put| *field(put, "online") == FieldValue::Bool(false)),
        }
    }

    fn new_owner(&self, machine: usize, put: &Put) -> Option<Incarnation> {
        let owner = self.nodes.lock()[machine].owner;
        if owner.is_some_and(|(epoch, _)| Some(epoch) == put.epoch) {
            return None;
        }
        let node: Node = serde_json::from_slice(&put.document).ok()?;
        node.ownership.map(|owner| owner.incarnation)
    }

    pub(crate) fn after(
        &self,
        world: &World,
        link: &Link,
        writes: Writes,
        outcome: &Result<Revision, StoreError>,
    ) {
        let Some(writer) = link.incarnation.get().copied() else {
            return;
        };
        match outcome {
            Ok(_) => {
                if let Some(leaves) = writes.beat {
                    self.beaten(link, leaves);
                }
                for write in writes.nodes {
                    world
                        .log
                        .note(link, || write.line.clone().unwrap_or_default());
                    world.machines[write.machine].state.lock().node_rests = write.rests;
                    self.written(world, link, writer, &write);
                    world.machines[write.machine].changed.notify_waiters();
                }
            }
            Err(StoreError::Stale { key, expected, .. }) => {
                world
                    .log
                    .note(link, || format!("is refused: {key} is not at {expected}"));
                if expected.starts_with("revision") {
                    self.refused(world, link, writer, key);
                }
            }
            Err(error) => world.log.note(link, || format!("is refused: {error}")),
        }
    }

    fn written(&self, world: &World, link: &Link, writer: Incarnation, write: &Write) {
        let mut nodes = self.nodes.lock();
        let seen = &mut nodes[write.machine];
        seen.last_writer = Some(writer);
        let epoch = write.epoch;
        match seen.owner {
            Some((known, owner)) if known == epoch => {
                if owner != writer {
                    let node = write.machine;
                    world.violation(format!("{link} writes node {node}, which it does not own"));
                }
            }
            Some((known, _)) if known > epoch => world.violation(format!(
                "{link} writes node {} with epoch {}, after epoch {}",
                write.machine, epoch.0, known.0
            )),
            _ => {
                // Whoever has it may hand it over; anybody else must wait until its owner is gone.
                if let Some((_, before)) = seen.owner.filter(|(_, before)| *before != writer) {
                    self.check_takeover(world, link, write.machine, before);
                }
                seen.owner = Some((epoch, write.new_owner.unwrap_or(writer)));
            }
        }
    }

    /// Nobody takes a node from a conductor that others must take for alive.
    fn check_takeover(&self, world: &World, link: &Link, machine: usize, before: Incarnation) {
        let timeout = Duration::from_secs(world.plan.settings.conductor.beat_timeout_s);
        let beats = self.beats.lock();
        let beat = beats.iter().enumerate().find_map(|(host, beat)| {
            let (incarnation, at) = beat.as_ref()?;
            (*incarnation == before && host != link.host).then_some((host, at.elapsed()))
        });
        if let Some((owner, silence)) = beat.filter(|(_, silence)| *silence < timeout) {
            world.violation(format!(
                "{link} takes node {machine} from conductor-{}, which was heard of {} s ago",
                owner + 1,
                silence.as_secs()
            ));
        }
    }

    /// A conductor says that it is there, or that it leaves.
    fn beaten(&self, link: &Link, leaves: bool) {
        let incarnation = link.incarnation.get().filter(|_| !leaves);
        let beat = incarnation.map(|incarnation| (*incarnation, Instant::now()));
        self.beats.lock()[link.host] = beat;
    }

    /// A write that came to nothing because the same conductor has written in between: two of its tasks hold the node.
    fn refused(&self, world: &World, link: &Link, writer: Incarnation, key: &Key) {
        let Some(machine) = world
            .machine_of(&key.id)
            .filter(|_| key.table == Table::Node)
        else {
            return;
        };
        let last = self.nodes.lock()[machine.index].last_writer;
        if last == Some(writer) {
            world.violation(format!(
                "{link} has written node {} from two places at once: the lock has two holders",
                machine.index
            ));
        }
    }

    /// An effect on a machine begins.
    pub(crate) fn effect(
        &self,
        world: &Arc<World>,
        link: &Link,
        machine: usize,
        (what, needs): (&'static str, Needs),
    ) -> Effect {
        let of = link.incarnation.get().copied();
        let of = of.unwrap_or(Incarnation(uuid::Uuid::nil()));
        world.log.note(link, || format!("node {machine}: {what}"));
        let other = {
            let mut nodes = self.nodes.lock();
            let effects = &mut nodes[machine].effects;
            let mut ours = effects.iter().filter(|(whose, _)| *whose == of);
            let other = ours.next().map(|(_, other)| *other);
            effects.push((of, what));
            other
        };
        if let Some(other) = other {
            world.violation(format!(
                "{link} does two things at once to node {machine}: {other}, {what}"
            ));
        }
        let stored = world.machines[machine].record(world);
        let standing: Option<Standing> = stored.and_then(|record| record.decode().ok());
        if let Some(problem) = standing.and_then(|standing| standing.problem(of, needs)) {
            world.violation(format!("{link} {problem}, node {machine}: {what}"));
        }
        Effect {
            world: world.clone(),
            machine,
            of,
            what,
        }
    }

    /// After a long time in which nothing went wrong.
    pub(crate) fn at_the_end(&self, world: &World) {
        for machine in &world.machines {
            let Some(node) = machine.node_as_stored(world) else {
                continue;
            };
            let rests = node.run.is_none()
                && node.reservation.is_none()
                && node.target_power_state.is_none();
            let names_cause = node.provision_state.is_stable()
                || node
                    .last_error
                    .as_ref()
                    .is_some_and(|error| !error.is_empty());
            if !rests || !names_cause {
                world.violation(format!(
                    "node {} does not come to rest: {}, {:?}, {:?}",
                    machine.index, node.provision_state, node.reservation, node.last_error
                ));
            }
            let stored = node.power_state.map(|state| state.name());
            let power = machine.power().name();
            if stored != Some(power) && !node.maintenance {
                world.violation(format!(
                    "node {} is stored as {stored:?}, and its machine is in {power}",
                    machine.index
                ));
            }
        }
    }
}

fn field<'p>(put: &'p Put, name: &str) -> &'p FieldValue {
    let mut fields = put.fields.iter();
    fields
        .find(|(known, _)| *known == name)
        .map_or(&FieldValue::Null, |(_, value)| value)
}

fn text<'p>(put: &'p Put, name: &str) -> &'p str {
    match field(put, name) {
        FieldValue::Text(text) => text,
        FieldValue::Null | FieldValue::Bool(_) | FieldValue::Integer(_) => "-",
    }
}

fn line(put: &Put) -> String {
    format!(
        "writes {} {} {} waits for {} epoch {}",
        &put.key.id[put.key.id.len() - 2..],
        text(put, "provision_state"),
        text(put, "power_state"),
        text(put, "waits_for"),
        put.epoch.unwrap_or_default().0
    )
}

/// Every wait but a hold has an end.
fn check_wait(world: &World, link: &Link, put: &Put) {
    let waits = text(put, "waits_for");
    if waits != "-" && waits != "hold" && *field(put, "wait_deadline") == FieldValue::Null {
        world.violation(format!(
            "{link} has {} wait for {waits} without end",
            put.key.id
        ));
    }
}
