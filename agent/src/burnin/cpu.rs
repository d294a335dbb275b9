//! Processors: each of them computes what is known, again and again, and its results are compared.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::meter::Meter;
use super::report::Report;
use super::settings::Settings;
use super::threads::on_threads;
use super::workload::{WORKLOADS, Workload};
use super::{BurninError, Watch, seconds};
use crate::host::Host;

const MAX_WORKERS: u64 = 8192;
const A_DAY_S: u64 = 86400;

/// This thread.
const SELF: Pid = Pid::from_raw(0);

pub(super) fn burn_in(
    host: &Host,
    settings: &Settings<'_>,
    watch: &Watch,
) -> Result<Value, BurninError> {
    host.permits_system()?;
    let lasts = settings.time("agent_burnin_cpu_timeout", A_DAY_S)?;
    let workers = workers(settings, "agent_burnin_cpu_cpu")?;
    let report = Report::create(host, settings.file("agent_burnin_cpu_outputfile")?)?;
    let result = compute(&processors(), workers, lasts, watch, &WORKLOADS)?;
    report.write(&result)?;
    Ok(result)
}

/// How many threads work; as many as there are processors where nobody says so, or 0.
pub(super) fn workers(
    settings: &Settings<'_>,
    name: &'static str,
) -> Result<Option<usize>, BurninError> {
    let expected = "a number from 0 to 8192, of which 0 is for as many as there are processors";
    let count = settings.count(name, 0..=MAX_WORKERS, expected)?;
    let count = count.filter(|count| *count > 0);
    Ok(count.and_then(|count| usize::try_from(count).ok()))
}

/// The processors that this program may use.
pub(super) fn processors() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(SELF) else {
        return vec![0];
    };
    let is_set = |index: &usize| set.is_set(*index).unwrap_or(false);
    (0..CpuSet::count()).filter(is_set).collect()
}

/// Binds this thread to a processor; one that does not take it is left to the kernel.
pub(super) fn bind(processor: usize) {
    let mut set = CpuSet::new();
    let bound = set
        .set(processor)
        .and_then(|()| sched_setaffinity(SELF, &set));
    if let Err(error) = bound {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(processor, error, "binding a thread to a processor");
    }
}

/// Computes on all processors until the time is over.
fn compute(
    processors: &[usize],
    workers: Option<usize>,
    lasts: Duration,
    watch: &Watch,
    workloads: &[Workload],
) -> Result<Value, BurninError> {
    let workers = workers.unwrap_or(processors.len()).max(1);
    let meter = Meter::begin(watch, "burning in the processors", lasts);
    let checks = AtomicU64::new(0);
    let joined = on_threads(processors, workers, &meter, |processor| {
        work(processor, workloads, &meter, &checks)
    })?;
    let panicked = || Some("the agent has a fault".to_owned());
    let ended = joined.into_iter();
    let faults: Vec<String> = ended
        .filter_map(|joined| joined.unwrap_or_else(|_| panicked()))
        .collect();
    if !faults.is_empty() {
        return Err(BurninError::Faulty {
            what: "processors computed what is wrong",
            faults,
        });
    }
    watch.check()?;
    Ok(json!({
        "processors": processors.len(),
        "workers": workers,
        "seconds": seconds(meter.elapsed()),
        "checked_results": checks.into_inner(),
        "wrong_results": 0,
    }))
}

/// One processor, until the time is over or it has computed what is wrong.
fn work(
    processor: usize,
    workloads: &[Workload],
    meter: &Meter,
    checks: &AtomicU64,
) -> Option<String> {
    bind(processor);
    for (round, workload) in workloads.iter().cycle().enumerate() {
        if !meter.goes_on() {
            return None;
        }
        let found = (workload.run)();
        if found != workload.result {
            let fault = format!(
                "processor {processor}, {}, round {round}: {found:#018x} is not {:#018x}",
                workload.name, workload.result
            );
            tracing::error!(fault, "a processor computed what is wrong");
            return Some(fault);
        }
        checks.fetch_add(1, Ordering::Relaxed);
        meter.count(workload.bytes);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::node;
    use super::*;

    const SHORT: Duration = Duration::from_millis(150);

    #[test]
    fn every_processor_computes_for_the_time_and_is_checked() {
        let watch = Watch::default();
        let all = processors();
        let result = compute(&all, None, SHORT, &watch, &WORKLOADS).unwrap();
        assert_eq!(result["workers"], all.len());
        assert!(result["checked_results"].as_u64().unwrap() >= all.len() as u64);
        let lasted = result["seconds"].as_f64().unwrap();
        assert!((0.15..10.0).contains(&lasted), "{lasted}");
        let mark = watch.progress.mark().unwrap();
        assert!(mark.bytes_written > 0 && mark.bytes_total.is_some());
    }

    #[test]
    fn a_processor_that_computes_what_is_wrong_is_named() {
        let wrong = [Workload {
            name: "sums",
            run: || 5,
            result: 4,
            bytes: 1,
        }];
        let error = compute(&[0], Some(1), SHORT, &Watch::default(), &wrong).unwrap_err();
        assert_eq!(
            error.to_string(),
            "processors computed what is wrong: processor 0, sums, round 0: \
             0x0000000000000005 is not 0x0000000000000004"
        );
    }

    #[test]
    fn a_cancelled_burn_in_is_none() {
        let watch = Watch::default();
        watch.stop.request();
        let long = Duration::from_secs(3600);
        let error = compute(&[0], Some(2), long, &watch, &WORKLOADS).unwrap_err();
        assert!(matches!(error, BurninError::Stopped));
    }

    #[test]
    fn workers_are_counted_or_left_to_the_machine() {
        let of = |value: serde_json::Value| {
            let node = node(&json!({"agent_burnin_cpu_cpu": value}));
            workers(&Settings::of(&node), "agent_burnin_cpu_cpu").map_err(|error| error.to_string())
        };
        assert_eq!(of(json!(0)), Ok(None));
        assert_eq!(of(json!("3")), Ok(Some(3)));
        assert!(of(json!(9000)).unwrap_err().contains("from 0 to 8192"));
    }
}
