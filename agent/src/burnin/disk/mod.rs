//! Disks: all of them at once are filled with random bytes and read back, as often as the node's settings say.
//!
//! They are claimed as for an erasure: those on the skip list are left, and one that is in use stops the step before
//! the first byte is written. Afterwards there is nothing on them that anybody could use.

mod surface;

use std::time::{Duration, Instant};

use ferric_agent_protocol::node::Node;
use serde_json::{Map, Value, json};

use super::report::Report;
use super::settings::Settings;
use super::{BurninError, Watch, rate, seconds, selftest};
use crate::disk::{CHUNK_BYTES, Claimed, Pattern, claim};
use crate::host::Host;
use crate::progress::Progress;
use surface::Surface;

/// As in Ironic's agent, and as badblocks has it.
const LOOPS: u64 = 4;
const MAX_LOOPS: u64 = 10_000;

/// When it is enough: after a number of passes, or after a time, whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    loops: Option<u64>,
    time: Option<Duration>,
}

impl Limits {
    /// A time without a number of passes is for as many as fit.
    fn of(settings: &Settings<'_>) -> Result<Self, BurninError> {
        let expected = "a number from 1 to 10000";
        let loops = settings.count("agent_burnin_fio_disk_loops", 1..=MAX_LOOPS, expected)?;
        let time = settings.optional_time("agent_burnin_fio_disk_runtime")?;
        let loops = match (loops, time) {
            (None, None) => Some(LOOPS),
            (loops, _) => loops,
        };
        Ok(Self { loops, time })
    }

    /// What there is to do for a disk, as far as the number of passes says.
    fn bytes(self, size: u64) -> Option<u64> {
        Some(size.saturating_mul(self.loops?).saturating_mul(2))
    }
}

pub(super) fn burn_in(
    host: &Host,
    node: &Node,
    settings: &Settings<'_>,
    watch: &Watch,
) -> Result<Value, BurninError> {
    host.permits_disks()?;
    let limits = Limits::of(settings)?;
    let wants_selftest = settings.flag("agent_burnin_fio_disk_smart_test")?;
    let report = Report::create(host, settings.file("agent_burnin_fio_disk_outputfile")?)?;
    let claim = claim(host, node)?;
    for (device, reason) in &claim.left {
        tracing::warn!(device, reason, "a disk is not burned in");
    }
    for disk in claim.disks.iter().map(Claimed::disk) {
        tracing::info!(
            device = disk.name,
            serial = disk.serial.as_deref(),
            size_bytes = disk.size,
            "a disk is overwritten by its burn-in"
        );
    }
    watch.progress.phase("burning in the disks");
    let burned = all_at_once(&claim.disks, watch, |disk, progress| {
        let outcome = burn(disk, limits, progress, watch);
        disk.forget_partitions();
        outcome
    });
    let mut results = gathered(&claim.disks, burned)?;
    if wants_selftest {
        watch.progress.phase("self-tests of the disks");
        // The drives tell nothing that would be bytes.
        let quiet = Watch {
            progress: Progress::default(),
            stop: watch.stop.clone(),
        };
        let tested = all_at_once(&claim.disks, &quiet, |disk, _| {
            selftest::run(disk, &watch.stop).map(Value::from)
        });
        let tested = gathered(&claim.disks, tested)?;
        for (device, outcome) in tested {
            results[&device]["self_test"] = outcome;
        }
    }
    for (device, reason) in claim.left {
        results.insert(device, json!({"skipped": reason}));
    }
    let result = Value::Object(results);
    report.write(&result)?;
    Ok(result)
}

/// Each disk on a thread of its own; the results are in their order.
fn all_at_once<T: Send>(
    disks: &[Claimed],
    watch: &Watch,
    work: impl Fn(&Claimed, Progress) -> Result<T, String> + Sync,
) -> Vec<Result<T, String>> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = disks
            .iter()
            .map(|disk| {
                let progress = watch.progress.part(disk.size());
                scope.spawn(move || work(disk, progress))
            })
            .collect();
        let ended = threads.into_iter().map(|thread| {
            let panicked = || Err("the agent has a fault".to_owned());
            thread.join().unwrap_or_else(|_| panicked())
        });
        ended.collect()
    })
}

/// The results by disk, or one error with all that is wrong.
fn gathered(
    disks: &[Claimed],
    outcomes: Vec<Result<Value, String>>,
) -> Result<Map<String, Value>, BurninError> {
    let (mut results, mut faults) = (Map::new(), Vec::new());
    for (disk, outcome) in disks.iter().zip(outcomes) {
        let disk = disk.disk();
        match outcome {
            Ok(result) => {
                results.insert(disk.name.clone(), result);
            }
            Err(fault) => {
                let serial = disk.serial.as_deref().unwrap_or("unknown");
                let fault = format!("{} (serial number {serial}) {fault}", disk.name);
                tracing::error!(fault, "a disk did not pass its burn-in");
                faults.push(fault);
            }
        }
    }
    if faults.is_empty() {
        return Ok(results);
    }
    Err(BurninError::Faulty {
        what: "disks did not pass their burn-in",
        faults,
    })
}

/// One disk, until its passes are done or the time is over. An error of the disk ends it at once; wrong bytes end it
/// with the pass in which they were found.
fn burn(
    disk: &dyn Surface,
    limits: Limits,
    progress: Progress,
    watch: &Watch,
) -> Result<Value, String> {
    let mut pass = Passes {
        disk,
        limits,
        progress,
        watch,
        begun: Instant::now(),
        bytes: 0,
    };
    let mut done = 0;
    while limits.loops.is_none_or(|loops| done < loops) && pass.has_time() {
        if !pass.run()? {
            break;
        }
        done += 1;
    }
    let elapsed = pass.begun.elapsed();
    Ok(json!({
        "size_bytes": disk.size(),
        "passes": done,
        "seconds": seconds(elapsed),
        "bytes_written_and_read": pass.bytes,
        "bytes_per_second": rate(pass.bytes, elapsed),
        "wrong_bytes": 0,
    }))
}

/// What the passes over one disk share.
struct Passes<'a> {
    disk: &'a dyn Surface,
    limits: Limits,
    progress: Progress,
    watch: &'a Watch,
    begun: Instant,
    bytes: u64,
}

impl Passes<'_> {
    fn has_time(&self) -> bool {
        let is_left = |time| self.begun.elapsed() < time;
        self.limits.time.is_none_or(is_left)
    }

    /// One pass; false if the time ended it. Where there is a time, writing gets half of what is left of it, so that
    /// what was written is read back within it.
    fn run(&mut self) -> Result<bool, String> {
        let pattern = Pattern::draw();
        let now = self.begun.elapsed();
        let half = self
            .limits
            .time
            .map(|time| now + time.saturating_sub(now) / 2);
        let mut bytes = vec![0; CHUNK_BYTES];
        let written = self.in_pieces(self.disk.size(), half, |disk, offset, length| {
            let bytes = &mut bytes[..length];
            pattern.read(offset, bytes);
            let written = disk.write(offset, bytes);
            written
                .map_err(|error| format!("failed at byte {offset} while it was written: {error}"))
        })?;
        let settled = self.disk.settle();
        settled.map_err(|error| format!("failed while it was flushed: {error}"))?;
        let mut found = vec![0; CHUNK_BYTES];
        let (mut wrong, mut first) = (0, None);
        let read = self.in_pieces(written, self.limits.time, |disk, offset, length| {
            let (found, bytes) = (&mut found[..length], &mut bytes[..length]);
            let read = disk.read(offset, found);
            read.map_err(|error| format!("failed at byte {offset} while it was read: {error}"))?;
            pattern.read(offset, bytes);
            if found != bytes {
                let differing = found.iter().zip(bytes.iter());
                let mut places = differing
                    .enumerate()
                    .filter(|(_, (one, other))| one != other);
                let place = places.next().map(|(place, _)| offset + place as u64);
                first = first.or(place);
                wrong += 1 + places.count();
            }
            Ok(())
        })?;
        match first {
            Some(first) => Err(format!(
                "gave back {wrong} bytes that are wrong, the first at byte {first}"
            )),
            None => Ok(read == self.disk.size()),
        }
    }

    /// Goes over the first bytes of the disk as long as there is time; answers with how far it came.
    fn in_pieces(
        &mut self,
        end: u64,
        until: Option<Duration>,
        mut piece: impl FnMut(&dyn Surface, u64, usize) -> Result<(), String>,
    ) -> Result<u64, String> {
        let mut offset = 0;
        while offset < end && until.is_none_or(|until| self.begun.elapsed() < until) {
            self.watch.check().map_err(|error| error.to_string())?;
            let length = (end - offset).min(CHUNK_BYTES as u64);
            piece(
                self.disk,
                offset,
                usize::try_from(length).unwrap_or(CHUNK_BYTES),
            )?;
            offset += length;
            self.count(length);
        }
        Ok(offset)
    }

    fn count(&mut self, bytes: u64) {
        self.bytes += bytes;
        let by_loops = self.limits.bytes(self.disk.size());
        let by_time = self.limits.time.map(|time| {
            let elapsed = self.begun.elapsed().as_millis().max(1);
            let all = u128::from(self.bytes) * time.as_millis() / elapsed;
            u64::try_from(all).unwrap_or(u64::MAX).max(self.bytes)
        });
        if let Some(total) = [by_loops, by_time].into_iter().flatten().min() {
            self.progress.total(total);
        }
        self.progress.written(bytes);
    }
}

#[cfg(test)]
mod tests;
