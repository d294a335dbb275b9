//! All disks of the machine at once, each on a thread of its own: the steps `erase_devices` and
//! `erase_devices_express`.
//!
//! First every disk is opened, for this agent alone, and looked at: which may be erased must be known before the first
//! command goes out, as there are commands that reach more than one. What cannot be erased holds nothing else up.

use std::path::Path;
use std::time::Duration;

use ferric_agent_protocol::erase::{EraseMethod, EraseOutcome, EraseRecord};
use ferric_agent_protocol::inventory::Disk;
use ferric_agent_protocol::node::Node;
use jiff::Timestamp;

use super::device::{Device, Opened};
use super::knobs::{Knobs, ReadOnly};
use super::metadata::{self, Area};
use super::method::{Done, Job, MethodError};
use super::record::{IS_READ_ONLY, IS_VIRTUAL_MEDIA, is_of_volume, record, skipped};
use super::samples::Samples;
use super::subject::{Bus, Subject, Sysfs};
use super::{EraseError, PartlyErased, ata, chain, ended, is_virtual_media, nvme, sanitize};
use crate::disk::partitions::rescan;
use crate::disk::{DiskError, erasable_disks};
use crate::host::Host;
use crate::image::Stop;
use crate::progress::Progress;

/// How often a drive is asked how far it is with erasing itself.
const POLL: Duration = Duration::from_secs(2);

/// How much of the disks is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All of it.
    Everything,
    /// What takes moments: drives of NVMe are formatted; of all others, and of those that fail, the metadata goes.
    Express,
}

/// Erases all disks but those on the node's skip list, and answers with a record of each.
///
/// # Errors
/// Names every disk that could not be erased, and has the records of the others.
pub fn erase_devices(
    host: &Host,
    node: &Node,
    depth: Depth,
    progress: &Progress,
    stop: &Stop,
) -> Result<Vec<EraseRecord>, PartlyErased> {
    let knobs = Knobs::of(Some(node))?;
    let sysfs = Sysfs::of_the_machine();
    let disks = erasable_disks(host, Some(node))?;
    let (mut records, mut errors, mut ready) = (Vec::new(), Vec::new(), Vec::new());
    for disk in &disks {
        let opening = Opening {
            host,
            knobs: &knobs,
            sysfs: &sysfs,
            disks: &disks,
        };
        match opening.open(disk) {
            Ok(Found::Ready(found)) => ready.push(*found),
            Ok(Found::Left(reason)) => records.push(skipped(disk, reason)),
            Err(error) => errors.push(error),
        }
    }
    sysfs.introduce(ready.iter_mut().map(|ready| &mut ready.subject));
    let how = How {
        knobs: &knobs,
        progress,
        stop,
        poll: POLL,
    };
    for result in how.all_at_once(&ready, |job, ready| ready.erase(job, depth)) {
        match result {
            Ok(record) => records.push(record),
            Err(error) => errors.push(error),
        }
    }
    ended(records, errors)
}

/// What decides whether a disk may be erased.
pub(super) struct Opening<'a> {
    pub(super) host: &'a Host,
    pub(super) knobs: &'a Knobs,
    pub(super) sysfs: &'a Sysfs,
    /// All disks that are to be erased.
    pub(super) disks: &'a [Disk],
}

pub(super) enum Found {
    Ready(Box<Ready>),
    /// It is not touched, for this reason.
    Left(String),
}

/// A disk that is open and may be erased.
pub(super) struct Ready {
    pub(super) subject: Subject,
    pub(super) device: Opened,
    areas: Vec<Area>,
}

impl Opening<'_> {
    pub(super) fn open(&self, disk: &Disk) -> Result<Found, EraseError> {
        let path = Path::new(&disk.name);
        if is_virtual_media(path) {
            return Ok(Found::Left(IS_VIRTUAL_MEDIA.to_owned()));
        }
        if let Some(volume) = self.sysfs.volume_on(disk, self.disks)? {
            return Ok(Found::Left(is_of_volume(&volume)));
        }
        let opened = match metadata::open(self.host, path) {
            Err(DiskError::ReadOnly { .. }) if self.knobs.read_only == ReadOnly::Skip => {
                return Ok(Found::Left(IS_READ_ONLY.to_owned()));
            }
            opened => opened?,
        };
        let subject = Subject {
            disk: disk.clone(),
            size: opened.size,
            sector_bytes: opened.sector_bytes,
            bus: self.sysfs.bus(disk),
        };
        let device = Opened::new(opened);
        let areas = match metadata::look_at(&device.disk, self.knobs.shared) {
            // What cannot be read because it is locked carries nothing that anybody could be using.
            Err(EraseError::Disk(DiskError::IoAt { .. })) if holds_back(&device, &subject.bus) => {
                Vec::new()
            }
            areas => areas?,
        };
        Ok(Found::Ready(Box::new(Ready {
            subject,
            device,
            areas,
        })))
    }
}

fn holds_back(device: &dyn Device, bus: &Bus) -> bool {
    match bus {
        Bus::Nvme(_) => sanitize::holds_back(device),
        Bus::Ata => ata::holds_back(device),
        Bus::Other => false,
    }
}

/// Something that is erased, among others.
trait Erasable: Sync {
    fn subject(&self) -> &Subject;
    fn device(&self) -> &dyn Device;
}

impl Erasable for Ready {
    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn device(&self) -> &dyn Device {
        &self.device
    }
}

/// What all disks are erased with.
struct How<'a> {
    knobs: &'a Knobs,
    progress: &'a Progress,
    stop: &'a Stop,
    poll: Duration,
}

impl How<'_> {
    /// The results are in the order of the disks.
    fn all_at_once<E: Erasable>(
        &self,
        disks: &[E],
        erase: impl Fn(&Job<'_>, &E) -> Result<Done, MethodError> + Sync,
    ) -> Vec<Result<EraseRecord, EraseError>> {
        self.progress.phase("erasing");
        let jobs: Vec<Job<'_>> = disks.iter().map(|disk| self.job(disk)).collect();
        let erase = &erase;
        std::thread::scope(|scope| {
            let threads: Vec<_> = disks
                .iter()
                .zip(&jobs)
                .map(|(disk, job)| scope.spawn(move || one(job, || erase(job, disk))))
                .collect();
            let ended = disks.iter().zip(threads);
            ended
                .map(|(disk, thread)| {
                    let panicked = || Err(failed(disk.subject(), MethodError::Panicked));
                    thread.join().unwrap_or_else(|_| panicked())
                })
                .collect()
        })
    }

    fn job<'b>(&'b self, disk: &'b impl Erasable) -> Job<'b> {
        let subject = disk.subject();
        let samples = Samples::draw(subject.size, subject.sector_bytes, &mut rand::rng());
        Job {
            device: disk.device(),
            subject,
            knobs: self.knobs,
            samples,
            progress: self.progress.part(subject.size),
            stop: self.stop,
            poll: self.poll,
        }
    }
}

/// One disk on its thread.
fn one(
    job: &Job<'_>,
    erase: impl FnOnce() -> Result<Done, MethodError>,
) -> Result<EraseRecord, EraseError> {
    let disk = &job.subject.disk;
    tracing::info!(
        device = disk.name,
        serial = disk.serial.as_deref(),
        model = disk.model.as_deref(),
        wwn = disk.wwn.as_deref(),
        size_bytes = job.subject.size,
        "a disk is erased"
    );
    let started_at = Timestamp::now();
    let done = erase().map_err(|error| failed(job.subject, error))?;
    tracing::info!(
        device = disk.name,
        serial = disk.serial.as_deref(),
        method = ?done.method,
        samples = done.samples.len(),
        "a disk was erased"
    );
    let outcome = EraseOutcome::Erased {
        method: done.method,
        failed_before: done.failed_before,
        sample_bytes: job.samples.length_bytes(),
        samples: done.samples,
    };
    Ok(record(disk, started_at, outcome))
}

fn failed(subject: &Subject, source: MethodError) -> EraseError {
    let disk = &subject.disk;
    // Told at once, too: the step ends only with the last of the other disks.
    tracing::warn!(
        device = disk.name,
        serial = disk.serial.as_deref(),
        error = &source as &dyn std::error::Error,
        "a disk was not erased"
    );
    EraseError::Device {
        device: disk.name.clone(),
        serial: disk.serial.as_deref().unwrap_or("unknown").to_owned(),
        source,
    }
}

impl Ready {
    fn erase(&self, job: &Job<'_>, depth: Depth) -> Result<Done, MethodError> {
        let done = match depth {
            Depth::Everything => job.run(),
            Depth::Express => self.erase_fast(job),
        }?;
        // The disk is empty whatever the kernel still believes.
        if let Err(error) = rescan(&self.device.disk) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "making the kernel forget the partitions of a disk");
        }
        Ok(done)
    }

    fn erase_fast(&self, job: &Job<'_>) -> Result<Done, MethodError> {
        let mut failed_before = Vec::new();
        if let (Bus::Nvme(namespace), true) = (&self.subject.bus, job.knobs.nvme) {
            match nvme::erase(job, namespace, nvme::Ways::Format) {
                Err(MethodError::Stopped) => return Err(MethodError::Stopped),
                Err(error) => failed_before.push(job.note(&error)),
                Ok(done) => return Ok(done),
            }
        }
        let cleared = metadata::clear_open(&self.device.disk, self.areas.clone());
        cleared.map_err(|error| MethodError::Several(chain(&error)))?;
        job.progress.reached(self.subject.size);
        Ok(Done {
            method: EraseMethod::Metadata,
            failed_before,
            samples: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests;
