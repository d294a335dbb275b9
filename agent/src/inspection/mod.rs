//! Collects what inspection sends. Each collector has a thread and a deadline of its own: one that fails, panics or
//! hangs is told of and holds nothing up.
//!
//! Ironic fails an inspection for whatever stands in `error`. So only a lack of the inventory and a name that nobody
//! knows get there; all other failures are in `collector_failures`, which Ironic stores and does not look at.

mod collector;
mod deadline;
mod default;
pub(crate) mod dmi;
mod extra;
mod health;
mod lldp;
mod logs;
mod numa;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;
mod tpm;
mod usb;

use std::error::Error;
use std::sync::Arc;

use ferric_agent_protocol::inspection::{Configuration, InspectionData};

use crate::commands::sentence;
use crate::config::{Secret, Settings};
use crate::disk::raid::Shown;
use crate::host::Host;
use crate::inventory::BmcDetection;
use crate::managers::Managers;
use collector::{ALL, CollectError, Collector, Turn};
use lldp::Listening;

/// What collectors look at, and what they are told about it.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    host: Host,
    managers: Arc<Managers>,
    bootif: Option<String>,
    detection: BmcDetection,
    token: Option<Secret>,
    listening: Listening,
}

/// Runs the collectors that the settings name. Takes as long as the slowest of them, and then as long as the logs: not
/// for an async thread.
pub(crate) fn collect(settings: &Settings, host: &Host, managers: Arc<Managers>) -> InspectionData {
    let inspection = &settings.inspection;
    let subject = Subject {
        host: host.clone(),
        managers,
        bootif: settings.bootif.clone(),
        detection: BmcDetection::unless(settings.skip_bmc_detect),
        token: settings.agent_token.clone(),
        listening: Listening::new(inspection.lldp_timeout, inspection.collect_lldp),
    };
    let _volumes = Shown::on(host);
    run(&ALL, &inspection.collectors, subject)
}

fn run(all: &[Collector], names: &[String], subject: Subject) -> InspectionData {
    let subject = Arc::new(subject);
    let mut report = Report::default();
    let mut wanted: Vec<&Collector> = Vec::new();
    for name in names {
        match all.iter().find(|collector| collector.name == name) {
            None => report.errors.push(unknown(name)),
            Some(known) if wanted.iter().any(|other| other.name == known.name) => {}
            Some(known) => wanted.push(known),
        }
    }
    let is_missing = |name| wanted.iter().all(|collector| collector.name != name);
    if subject.managers.take_part_in_inspection() && is_missing(collector::OF_MANAGERS) {
        wanted.extend(
            all.iter()
                .filter(|collector| collector.name == collector::OF_MANAGERS),
        );
    }
    for turn in [Turn::Together, Turn::Last] {
        let now = wanted.iter().filter(|collector| collector.turn == turn);
        let running: Vec<_> = now
            .map(|collector| (collector.name, collector.start(&subject)))
            .collect();
        for (name, running) in running {
            report.add(name, running.and_then(|running| running.outcome()));
        }
    }
    let names = wanted.iter().map(|collector| collector.name.to_owned());
    report.finish(names, &subject.managers)
}

fn unknown(name: &str) -> String {
    format!("* {name}: this agent has no such collector")
}

/// What has been found so far, and what has not.
#[derive(Default)]
struct Report {
    data: InspectionData,
    errors: Vec<String>,
}

impl Report {
    fn add(&mut self, name: &str, outcome: Result<InspectionData, CollectError>) {
        match outcome {
            Ok(part) => self.data.merge(part),
            Err(error) => {
                let text = sentence(&error);
                let error = &error as &dyn Error;
                tracing::warn!(collector = name, error, "a collector failed");
                if name == default::NAME {
                    self.errors.push(format!("* {name}: {text}"));
                } else {
                    self.data.collector_failures.insert(name.to_owned(), text);
                }
            }
        }
    }

    fn finish(
        self,
        collectors: impl Iterator<Item = String>,
        managers: &Managers,
    ) -> InspectionData {
        let mut data = self.data;
        data.configuration = Some(Configuration {
            collectors: collectors.collect(),
            managers: managers.listed(),
        });
        data.error = (!self.errors.is_empty()).then(|| self.errors.join("\n"));
        data
    }
}
