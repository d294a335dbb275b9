//! One disk, made of a model, is erased: which method is chosen, what it sends, and what is left on the disk.

mod ata;
mod nvme;
mod overwrite;

use std::os::unix::fs::symlink;
use std::time::Duration;

use ferric_agent_protocol::inventory::Disk;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::knobs::Knobs;
use super::method::{Done, Job, MethodError};
use super::model::{Fault, Model};
use super::samples::Samples;
use super::subject::{Bus, Subject};
use super::{chain, is_virtual_media_by};
use crate::image::Stop;
use crate::image::testing::garbage;
use crate::progress::Progress;

/// More than a few chunks, and no multiple of a sample.
pub(super) const DISK_BYTES: usize = (3 << 20) + 512;

/// A disk full of what an earlier user left.
pub(super) fn full(faults: &[Fault]) -> Model {
    let model = Model::of_bytes(garbage(DISK_BYTES));
    model.with(|state| state.faults = faults.to_vec());
    model
}

pub(super) fn knobs(change: impl FnOnce(&mut Knobs)) -> Knobs {
    let mut knobs = Knobs::of(None).unwrap();
    change(&mut knobs);
    knobs
}

pub(super) fn subject(bus: Bus) -> Subject {
    let disk = Disk {
        name: "/dev/model".to_owned(),
        serial: Some("M0DEL".to_owned()),
        size: DISK_BYTES as u64,
        ..Disk::default()
    };
    Subject {
        disk,
        size: DISK_BYTES as u64,
        sector_bytes: 512,
        bus,
    }
}

struct Attempt {
    progress: Progress,
    stop: Stop,
}

impl Attempt {
    fn new() -> Self {
        Self {
            progress: Progress::default(),
            stop: Stop::default(),
        }
    }

    fn run(&self, model: &Model, bus: Bus, knobs: &Knobs) -> Result<Done, MethodError> {
        self.with_job(model, bus, knobs, |job| job.run())
    }

    fn with_job<T>(
        &self,
        model: &Model,
        bus: Bus,
        knobs: &Knobs,
        act: impl FnOnce(&Job<'_>) -> T,
    ) -> T {
        let subject = subject(bus);
        let mut random = StdRng::seed_from_u64(7);
        let job = Job {
            device: model,
            subject: &subject,
            knobs,
            samples: Samples::draw(subject.size, subject.sector_bytes, &mut random),
            progress: self.progress.part(subject.size),
            stop: &self.stop,
            poll: Duration::from_millis(1),
        };
        act(&job)
    }
}

/// Erases; an error is its whole sentence.
fn erase(model: &Model, bus: Bus, knobs: &Knobs) -> Result<Done, String> {
    let done = Attempt::new().run(model, bus, knobs);
    done.map_err(|error| chain(&error))
}

/// What the disk was told.
fn commands(model: &Model) -> String {
    model.with(|state| state.commands.join(", "))
}

/// Nothing of the earlier user is left, at any place.
fn assert_gone(model: &Model, context: &str) {
    let before = garbage(DISK_BYTES);
    let kept = model.with(|state| {
        let sectors = state.bytes.chunks(512).zip(before.chunks(512));
        sectors.filter(|(now, before)| now == before).count()
    });
    assert_eq!(kept, 0, "{context}: sectors are still there");
}

#[test]
fn virtual_media_are_known_by_their_label_in_any_case() {
    let place = tempfile::tempdir().unwrap();
    let (labels, none) = (place.path().join("by-label"), place.path().join("none"));
    std::fs::create_dir(&labels).unwrap();
    for (label, device) in [
        ("IR-VFD-DEV", "sdx"),
        ("ir-vfd-dev", "sdy"),
        ("root", "sdz"),
    ] {
        std::fs::write(place.path().join(device), "").unwrap();
        symlink(place.path().join(device), labels.join(label)).unwrap();
    }
    for (device, expected) in [("sdx", true), ("sdy", true), ("sdz", false), ("sdw", false)] {
        let path = place.path().join(device);
        assert_eq!(is_virtual_media_by(&labels, &path), expected, "{device}");
        assert!(!is_virtual_media_by(&none, &path), "{device}");
    }
}
