//! Periodic jobs of drivers: what a driver looks after again and again, such as a job that a BMC works on.
//!
//! A job says as data which nodes it wants and what it has to know of them; the conductor interprets that, keeps the
//! pace, and holds lock, store and state. A job sees no node: a snapshot of the fields that it declared, its own record
//! and the handles to the machine. docs/periodics.md shows one.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::{BmcError, Hardware, InterfaceKind};

/// What a job is, and which nodes it may want.
#[derive(Clone, Debug)]
pub struct PeriodicSpec {
    /// What it does, in words: `watching RAID tasks of Redfish BMCs`. It names the job in logs and settings, the waits
    /// that it ends and its records, so a release does not change it.
    pub purpose: &'static str,
    /// The kind of interface that it belongs to.
    pub interface: InterfaceKind,
    /// Only nodes that use exactly this implementation of it are visited.
    pub implementation: &'static str,
    /// From one pass to the next; zero: never. The conductor's settings can name another one.
    pub spacing: Duration,
    /// Whether it runs at all, whatever the conductor's settings say of its spacing.
    pub enabled: bool,
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// What the snapshot shows.
    pub fields: Vec<Field>,
    /// How many visits of a pass may do something.
    pub limit: VisitLimit,
    /// Whether the node is held while the job looks at it.
    pub access: Access,
    /// The name of the gauge of the nodes that a pass found, as Prometheus writes names: `raid_job_nodes`.
    pub node_count_metric: Option<&'static str>,
}

impl PeriodicSpec {
    /// A job for every node with this implementation, once a minute, that is shown nothing of it.
    pub fn new(
        purpose: &'static str,
        interface: InterfaceKind,
        implementation: &'static str,
    ) -> Self {
        Self {
            purpose,
            interface,
            implementation,
            spacing: Duration::from_secs(60),
            enabled: true,
            filters: Vec::new(),
            fields: Vec::new(),
            limit: VisitLimit::None,
            access: Access::Shared,
            node_count_metric: None,
        }
    }
}

/// How many visits of a pass may do something; those that did nothing are not counted.
#[derive(Clone, Copy, Debug)]
pub enum VisitLimit {
    /// As many as there are nodes.
    None,
    /// This many.
    Nodes(usize),
    /// Worked out anew for each pass, from how many nodes it has found before any of them was looked at.
    Of(fn(usize) -> usize),
}

/// A condition on a node, which the conductor knows how to check.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Filter {
    /// A step of the node waits for this very job.
    AwaitsJob,
    /// The job has kept a record for the node.
    HasRecord,
    /// Nobody works on the machine by hand.
    NotInMaintenance,
    /// The field has this value.
    Equals(Field, Value),
}

/// What a job may be shown of a node. None of it is a state of provisioning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Field {
    /// How the machine is reached. Holds secrets.
    DriverInfo,
    /// Facts of the machine.
    Properties,
    /// The volumes that there are.
    RaidConfig,
    /// The volumes that are wanted.
    TargetRaidConfig,
    /// `power on`, `power off`, or null.
    PowerState,
    /// `uefi`, `bios`, or null.
    BootMode,
    /// A boolean.
    Maintenance,
}

/// Whether a node is held while a job looks at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// The job only reads: the node is held no longer than it takes to store the answer.
    #[default]
    Shared,
    /// The job has effects: nobody else works on the node meanwhile.
    Exclusive,
}

/// The fields that a job declared, as they were at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot(BTreeMap<Field, Value>);

impl Snapshot {
    /// Of these fields.
    pub fn new(fields: impl IntoIterator<Item = (Field, Value)>) -> Self {
        Self(fields.into_iter().collect())
    }

    /// The field; null for one that the job has not declared.
    pub fn get(&self, field: Field) -> &Value {
        self.0.get(&field).unwrap_or(&Value::Null)
    }
}

/// A node on a job's way.
pub struct PeriodicVisit<'a> {
    /// The node, for logs only.
    pub node: &'a str,
    /// The fields that the job declared.
    pub snapshot: &'a Snapshot,
    /// What the job, or the step that waits for it, has kept last; null when there is nothing.
    pub record: &'a Value,
    /// The machine.
    pub hardware: &'a Hardware,
}

/// What a visit came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Nothing to store; not counted for the limit.
    Nothing,
    /// This is to be the job's record of the node from now on.
    Keep(Value),
    /// The step that waits for this job is done, and the record is not needed any more.
    StepDone,
    /// The step that waits for this job failed: one sentence with the cause, for people. The record is not needed any more.
    StepFailed(String),
    /// No more nodes in this pass.
    Stop,
}

/// A job. It takes no other input than its visits, so a timer and a restart do the same thing.
#[async_trait]
pub trait DriverPeriodic: Send + Sync {
    /// What it is; always the same.
    fn spec(&self) -> PeriodicSpec;

    /// A cheap look at what is known already, before the machine is asked anything.
    fn wants(&self, _snapshot: &Snapshot, _record: &Value) -> bool {
        true
    }

    /// Looks after one node. An error is noted, and the node is visited again in a later pass: a BMC that does not answer
    /// now is no reason to fail a step, whose deadline ends its wait anyway.
    ///
    /// A visit with shared access may be dropped at an await when the BMC is slow, and is begun again later.
    async fn visit(&self, visit: &PeriodicVisit<'_>) -> Result<Answer, BmcError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_shows_what_was_declared_and_nothing_else() {
        let snapshot = Snapshot::new([(Field::PowerState, Value::from("power on"))]);
        assert_eq!(snapshot.get(Field::PowerState), "power on");
        assert_eq!(snapshot.get(Field::DriverInfo), &Value::Null);
    }

    #[test]
    fn the_documentation_shows_the_example_as_it_is() {
        let page = include_str!("../../docs/periodics.md");
        let example = include_str!("../examples/periodic_job.rs");
        assert!(page.contains(&format!("```rust\n{example}```\n")));
    }
}
