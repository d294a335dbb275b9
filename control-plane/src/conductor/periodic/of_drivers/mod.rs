//! Runs the periodic jobs of drivers: interprets what they declare, shows them what they may see, and stores what they
//! answer. Knows no job in particular.

use super::{Access, Declaration, Limit, NodePeriodic, Visit, Visited};
use crate::conductor::node_task::{NodeTask, TaskError};
use crate::conductor::steps::{Outcome, chain};
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_drivers::{
    Answer, DriverPeriodic, Field, Filter, HARDWARE_TYPES, PeriodicSpec, PeriodicVisit, Snapshot,
    VisitLimit,
};
use ferric_model::ids::RunId;
use ferric_model::node::Node;
use ferric_model::run::{News, WaitReason};
use ferric_model::step::StepId;
use ferric_store::FieldValue;
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tracing::info;

/// What a step answers whose end the periodic job of this purpose finds out: the run waits, and the job finds the record.
pub(in crate::conductor) fn await_job(
    job: &'static str,
    step: StepId,
    record: Value,
    limit: Duration,
) -> Outcome {
    let reason = WaitReason::Hardware {
        job: job.to_owned(),
        step,
    };
    Outcome::wait(reason, limit).edit(move |node, _| {
        node.periodic_records.insert(job.to_owned(), record);
    })
}

pub(super) struct OfDriver {
    job: Arc<dyn DriverPeriodic>,
    spec: PeriodicSpec,
}

impl OfDriver {
    pub(super) fn new(job: Arc<dyn DriverPeriodic>) -> Self {
        let spec = job.spec();
        Self { job, spec }
    }

    fn holds(&self, filter: &Filter, node: &Node) -> bool {
        match filter {
            Filter::AwaitsJob => awaited(node, self.spec.purpose).is_some(),
            Filter::HasRecord => node.periodic_records.contains_key(self.spec.purpose),
            Filter::NotInMaintenance => !node.maintenance,
            Filter::Equals(field, value) => shown(node, *field) == *value,
            // A filter that this conductor does not know yet lets nobody through.
            _ => false,
        }
    }

    /// What the store can filter by. Hardware types that cannot have the implementation are not even looked at.
    fn index_filters(&self) -> Vec<(&'static str, Vec<FieldValue>)> {
        let spec = &self.spec;
        let text = |text: &str| FieldValue::Text(text.to_owned());
        let fit = HARDWARE_TYPES.iter().filter(|hardware_type| {
            let supported = hardware_type.supported(spec.interface);
            supported.contains(&spec.implementation)
        });
        let fit = fit.map(|hardware_type| text(hardware_type.name)).collect();
        let mut filters = Vec::new();
        for filter in &spec.filters {
            match filter {
                Filter::AwaitsJob => filters.push(("awaits_job", vec![text(spec.purpose)])),
                Filter::NotInMaintenance => {
                    filters.push(("maintenance", vec![FieldValue::Bool(false)]));
                }
                // The document is looked at for the others.
                _ => {}
            }
        }
        filters.push(("driver", fit));
        filters
    }

    fn snapshot(&self, node: &Node) -> Snapshot {
        let fields = self.spec.fields.iter();
        Snapshot::new(fields.map(|field| (*field, shown(node, *field))))
    }

    fn record<'n>(&self, node: &'n Node) -> &'n Value {
        let record = node.periodic_records.get(self.spec.purpose);
        record.unwrap_or(&Value::Null)
    }
}

#[async_trait]
impl NodePeriodic for OfDriver {
    fn declaration(&self, settings: &Settings) -> Declaration {
        let configured = settings
            .conductor
            .driver_job_intervals_s
            .get(self.spec.purpose);
        let spec = &self.spec;
        Declaration {
            filters: self.index_filters(),
            enabled: spec.enabled,
            limit: match spec.limit {
                VisitLimit::None => Limit::None,
                VisitLimit::Nodes(nodes) => Limit::Nodes(nodes),
                VisitLimit::Of(work_out) => Limit::OfFound(work_out),
            },
            access: match spec.access {
                ferric_drivers::Access::Shared => Access::Shared,
                ferric_drivers::Access::Exclusive => Access::Exclusive,
            },
            node_count_metric: spec.node_count_metric,
            ..Declaration::new(
                spec.purpose,
                configured.map_or(spec.spacing, |configured| seconds(*configured)),
                settings.conductor.periodic_concurrency,
            )
        }
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        node.interface(self.spec.interface.name()) == Some(self.spec.implementation)
            && self
                .spec
                .filters
                .iter()
                .all(|filter| self.holds(filter, node))
            && self.job.wants(&self.snapshot(node), self.record(node))
    }

    async fn visit(&self, mut visit: Visit<'_>) -> Result<Visited, TaskError> {
        let (mut task, answer) = match self.spec.access {
            // What only looks may be broken off, and the node is not held for it.
            ferric_drivers::Access::Shared => match visit.ask(self.look(&visit)).await {
                Ok(answer) => (None, answer),
                Err(slow) => return Ok(slow.visited()),
            },
            ferric_drivers::Access::Exclusive => {
                let Some(mut task) = visit.lock().await? else {
                    return Ok(Visited::Nothing);
                };
                let answer = task.during(self.look(&visit)).await?;
                (Some(task), answer)
            }
        };
        if let Some(nothing) = nothing_to_store(&answer) {
            return Ok(nothing);
        }
        if task.is_none() {
            task = visit.lock().await?;
        }
        let Some(mut task) = task else {
            return Ok(Visited::Nothing);
        };
        // The step that was looked after may be over, and another one may have begun.
        if awaited(&task.node, self.spec.purpose) == awaited(&visit.node, self.spec.purpose) {
            store(&mut task, self.spec.purpose, answer).await?;
        }
        visit.conductor.hand_over(task);
        Ok(Visited::Acted)
    }
}

impl OfDriver {
    async fn look(&self, visit: &Visit<'_>) -> Answer {
        let node = &visit.node;
        let hardware = match visit.conductor.hardware(node) {
            Ok(hardware) => hardware,
            Err(error) => {
                info!(node = %node.uuid, job = self.spec.purpose, error = chain(&error), "the machine cannot be asked");
                return Answer::Nothing;
            }
        };
        let name = node.uuid.to_string();
        let seen = PeriodicVisit {
            node: &name,
            snapshot: &self.snapshot(node),
            record: self.record(node),
            hardware: &hardware,
        };
        self.job.visit(&seen).await.unwrap_or_else(|error| {
            info!(node = %node.uuid, job = self.spec.purpose, error = chain(&error), "the BMC did not answer a periodic job");
            Answer::Nothing
        })
    }
}

fn nothing_to_store(answer: &Answer) -> Option<Visited> {
    match answer {
        Answer::Nothing => Some(Visited::Nothing),
        Answer::Stop => Some(Visited::Stop),
        Answer::Keep(_) | Answer::StepDone | Answer::StepFailed(_) => None,
    }
}

/// The end of a step is news like any other: the engine acts on it, now or after a restart.
async fn store(task: &mut NodeTask, purpose: &str, answer: Answer) -> Result<(), TaskError> {
    let ended = |error| {
        Some(News::HardwareEnded {
            job: purpose.to_owned(),
            error,
        })
    };
    let (record, news) = match answer {
        Answer::Keep(record) => (Some(record), None),
        Answer::StepDone => (None, ended(None)),
        Answer::StepFailed(cause) => (None, ended(Some(cause))),
        Answer::Nothing | Answer::Stop => return Ok(()),
    };
    if record.is_some() && record.as_ref() == task.node.periodic_records.get(purpose) {
        return Ok(());
    }
    let change = task.change().with(|node| {
        match record {
            Some(record) => node.periodic_records.insert(purpose.to_owned(), record),
            None => node.periodic_records.remove(purpose),
        };
        if let Some(run) = node.run.as_mut().filter(|_| news.is_some()) {
            run.news = news;
        }
    });
    task.save(change).await
}

/// The run and the place in it of the step whose end this job is to find out.
fn awaited(node: &Node, purpose: &str) -> Option<(RunId, usize)> {
    let run = node.run.as_ref()?;
    let job = run.wait.as_ref()?.reason.job()?;
    (job == purpose).then_some((run.id, run.index))
}

fn shown(node: &Node, field: Field) -> Value {
    match field {
        Field::DriverInfo => Value::Object(node.driver_info.clone()),
        Field::Properties => Value::Object(node.properties.clone()),
        Field::RaidConfig => Value::Object(node.raid_config.clone()),
        Field::TargetRaidConfig => Value::Object(node.target_raid_config.clone()),
        Field::PowerState => node
            .power_state
            .map_or(Value::Null, |state| state.name().into()),
        Field::BootMode => node.boot_mode.clone().map_or(Value::Null, Value::from),
        Field::Maintenance => node.maintenance.into(),
        // A field that this conductor does not know yet shows nothing.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests;
