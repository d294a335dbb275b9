//! Several disks at once: models that wait for each other, and loop devices.

use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use ferric_agent_protocol::erase::EraseFound;
use parking_lot::Condvar;
use serde_json::{Value, json};

use super::*;
use crate::disk::erase::device::{AtaCommand, CommandError};
use crate::disk::erase::model::{Fault, Model};
use crate::disk::erase::tests::{full, knobs, subject};
use crate::disk::passthrough::NvmeCommand;
use crate::disk::testing::LoopDisk;
use crate::image::testing::garbage;
use crate::run::run;

const MIB: u64 = 1 << 20;

/// Waits with its first write until as many disks as there should be have come so far.
struct Gated {
    subject: Subject,
    model: Model,
    gate: Arc<Gate>,
}

struct Gate {
    begun: parking_lot::Mutex<Vec<String>>,
    changed: Condvar,
    wanted: usize,
}

impl Gated {
    fn new(name: &str, faults: &[Fault], gate: &Arc<Gate>) -> Self {
        let mut subject = subject(Bus::Other);
        name.clone_into(&mut subject.disk.name);
        Self {
            subject,
            model: full(faults),
            gate: Arc::clone(gate),
        }
    }

    fn pass(&self) -> io::Result<()> {
        let mut begun = self.gate.begun.lock();
        if !begun.contains(&self.subject.disk.name) {
            begun.push(self.subject.disk.name.clone());
        }
        self.gate.changed.notify_all();
        let is_alone = |begun: &mut Vec<String>| begun.len() < self.gate.wanted;
        let waited = self
            .gate
            .changed
            .wait_while_for(&mut begun, is_alone, Duration::from_mins(1));
        if waited.timed_out() {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

impl Gate {
    fn of(wanted: usize) -> Arc<Self> {
        Arc::new(Self {
            begun: parking_lot::Mutex::default(),
            changed: Condvar::new(),
            wanted,
        })
    }
}

impl Device for Gated {
    fn nvme(&self, command: &NvmeCommand, data: &mut [u8]) -> Result<(), CommandError> {
        self.model.nvme(command, data)
    }

    fn ata(&self, command: &mut AtaCommand<'_>) -> Result<(), CommandError> {
        self.model.ata(command)
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.model.read(offset, buffer)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.pass()?;
        self.model.write(offset, bytes)
    }

    fn zero(&self, offset: u64, length: u64) -> io::Result<()> {
        self.model.zero(offset, length)
    }

    fn settle(&self) -> io::Result<()> {
        self.model.settle()
    }
}

impl Erasable for Gated {
    fn subject(&self) -> &Subject {
        &self.subject
    }

    fn device(&self) -> &dyn Device {
        self
    }
}

fn all_at_once(
    disks: &[Gated],
    erase: impl Fn(&Job<'_>) -> Result<Done, MethodError> + Sync,
) -> Vec<Result<EraseRecord, EraseError>> {
    let how = How {
        knobs: &knobs(|_| {}),
        progress: &Progress::default(),
        stop: &Stop::default(),
        poll: Duration::from_millis(1),
    };
    how.all_at_once(disks, |job, _| erase(job))
}

#[test]
fn all_disks_have_begun_before_any_has_ended() {
    let gate = Gate::of(3);
    let disks = ["/dev/a", "/dev/b", "/dev/c"].map(|name| Gated::new(name, &[], &gate));
    let records = all_at_once(&disks, |job| job.run());
    let names = records
        .into_iter()
        .map(|record| record.unwrap().device)
        .collect::<Vec<_>>();
    assert_eq!(names, ["/dev/a", "/dev/b", "/dev/c"]);
}

#[test]
fn a_disk_that_ignores_its_erase_is_named_and_holds_no_other_up() {
    let gate = Gate::of(2);
    let disks = [
        Gated::new("/dev/bad", &[Fault::DropsWrites], &gate),
        Gated::new("/dev/good", &[], &gate),
    ];
    let mut results = all_at_once(&disks, |job| job.run()).into_iter();
    let error = chain(&results.next().unwrap().unwrap_err());
    let expected = "erasing /dev/bad (serial number M0DEL): the disk ignored its erase: at byte 0 ";
    assert!(error.starts_with(expected), "{error}");
    assert!(results.next().unwrap().is_ok());
}

#[test]
fn a_fault_of_the_agent_is_that_of_one_disk() {
    let gate = Gate::of(1);
    let disks = ["/dev/a", "/dev/b"].map(|name| Gated::new(name, &[], &gate));
    let results = all_at_once(&disks, |job| match job.subject.disk.name.as_str() {
        "/dev/a" => panic!("a fault"),
        _ => job.run(),
    });
    let error = chain(results[0].as_ref().unwrap_err());
    assert!(error.ends_with("the agent has a fault"), "{error}");
    assert!(results[1].is_ok());
}

fn opened(entries: &[&str], disks: &[&str]) -> Result<Found, EraseError> {
    let root = tempfile::tempdir().unwrap();
    for entry in entries {
        std::fs::create_dir_all(root.path().join(entry)).unwrap();
    }
    let disk = |name: &&str| Disk {
        name: (*name).to_owned(),
        ..Disk::default()
    };
    let disks: Vec<Disk> = disks.iter().map(disk).collect();
    let opening = Opening {
        // Permits nothing: whatever is tried is refused.
        host: &Host::detect(&[]).unwrap(),
        knobs: &knobs(|_| {}),
        sysfs: &Sysfs::at(root.path()),
        disks: &disks,
    };
    opening.open(&disks[0])
}

#[test]
fn a_disk_that_something_is_made_of_is_not_opened() {
    let held = ["block/sdx/holders/dm-7", "block/dm-7/dm"];
    let error = opened(&held, &["/dev/sdx"]).err().unwrap().to_string();
    assert!(
        error.contains("/dev/sdx is in use: dm-7 is made of it"),
        "{error}"
    );

    let member = ["block/sdx/holders/md7", "block/md7/md"];
    let Ok(Found::Left(reason)) = opened(&member, &["/dev/sdx", "/dev/md7"]) else {
        panic!("a member of a volume is touched");
    };
    assert!(reason.contains("RAID volume md7"), "{reason}");
    // A volume that is kept keeps its members.
    let error = opened(&member, &["/dev/sdx"]).err().unwrap().to_string();
    assert!(error.contains("md7 is made of it"), "{error}");
}

fn node(properties: &Value, settings: &Value) -> Node {
    serde_json::from_value(json!({
        "uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c781",
        "properties": properties, "driver_internal_info": settings,
    }))
    .unwrap()
}

fn full_loop_disk(bytes: u64) -> LoopDisk {
    let disk = LoopDisk::new(bytes, 512);
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(disk.path())
        .unwrap();
    file.write_all_at(&garbage(usize::try_from(bytes).unwrap()), 0)
        .unwrap();
    file.sync_all().unwrap();
    disk
}

fn content(disk: &LoopDisk) -> Vec<u8> {
    std::fs::read(disk.path()).unwrap()
}

fn erase(host: &Host, node: &Node, depth: Depth) -> Result<Vec<EraseRecord>, PartlyErased> {
    erase_devices(host, node, depth, &Progress::default(), &Stop::default())
}

#[test]
fn all_of_the_visible_disks_but_the_skipped_ones_is_erased() {
    let disks = [
        full_loop_disk(24 * MIB + 512),
        full_loop_disk(16 * MIB),
        full_loop_disk(16 * MIB),
    ];
    let [first, second, kept] = &disks;
    let paths = disks.each_ref().map(|disk| disk.path().to_owned());
    let host = Host::detect(&paths).unwrap();
    let skipping = node(
        &json!({"skip_block_devices": [{"name": kept.path()}]}),
        &json!({}),
    );
    let records = erase(&host, &skipping, Depth::Everything).unwrap();
    assert_eq!(records.len(), 2);
    for disk in [first, second] {
        let is_zero = content(disk).iter().all(|byte| *byte == 0);
        assert!(is_zero, "{}", disk.path().display());
        let name = disk.path().to_str().unwrap();
        let record = records.iter().find(|record| record.device == name).unwrap();
        assert!(record.started_at <= record.finished_at);
        let EraseOutcome::Erased {
            method, samples, ..
        } = &record.outcome
        else {
            panic!("{record:?}");
        };
        let overwrite = EraseMethod::Overwrite {
            random_passes: 1,
            zeroed: true,
        };
        assert_eq!(*method, overwrite);
        assert!(
            samples
                .iter()
                .all(|sample| sample.found == EraseFound::Zeroes)
        );
    }
    assert!(
        content(kept) == garbage(16 << 20),
        "a disk on the skip list was written to"
    );
}

#[test]
fn read_only_disks_fail_the_step_unless_they_are_to_be_skipped() {
    let disk = full_loop_disk(8 * MIB);
    run("blockdev", &["--setro", disk.path().to_str().unwrap()]).unwrap();
    let error = erase(
        &disk.host(),
        &node(&json!({}), &json!({})),
        Depth::Everything,
    )
    .unwrap_err();
    assert!(error.to_string().contains("is read-only"), "{error}");
    let skipping = node(&json!({}), &json!({"agent_erase_skip_read_only": true}));
    let records = erase(&disk.host(), &skipping, Depth::Everything).unwrap();
    let reason = "it is read-only".to_owned();
    assert_eq!(records[0].outcome, EraseOutcome::Skipped { reason });
    assert!(content(&disk) == garbage(8 << 20));
}

#[test]
fn the_records_of_the_other_disks_come_with_the_error() {
    let disks = [full_loop_disk(16 * MIB), full_loop_disk(8 * MIB)];
    let [good, bad] = &disks;
    run("blockdev", &["--setro", bad.path().to_str().unwrap()]).unwrap();
    let host = Host::detect(&disks.each_ref().map(|disk| disk.path().to_owned())).unwrap();
    let any = node(&json!({}), &json!({}));
    for depth in [Depth::Express, Depth::Everything] {
        let partly = erase(&host, &any, depth).unwrap_err();
        assert!(partly.to_string().contains("is read-only"), "{partly}");
        let devices = partly.records.iter().map(|record| record.device.as_str());
        let devices = devices.collect::<Vec<_>>();
        assert_eq!(devices, [good.path().to_str().unwrap()], "{depth:?}");
        assert!(content(bad) == garbage(8 << 20));
    }
}

#[test]
fn a_mounted_disk_and_a_shared_file_system_are_left_as_they_are() {
    let disk = full_loop_disk(32 * MIB);
    let path = disk.path().to_str().unwrap();
    let any = node(&json!({}), &json!({}));
    let point = tempfile::tempdir().unwrap();
    let place = point.path().to_str().unwrap();
    run("mkfs.ext4", &["-qF", path]).unwrap();
    run("mount", &[path, place]).unwrap();
    let result = erase(&disk.host(), &any, Depth::Everything);
    run("umount", &[place]).unwrap();
    let error = result.unwrap_err().to_string();
    assert!(
        error.contains("is mounted") || error.contains("is in use"),
        "{error}"
    );
    run("fsck.ext4", &["-fn", path]).unwrap();

    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&[0x01, 0x16, 0x19, 0x70, 0, 0, 0, 1], 64 << 10)
        .unwrap();
    file.sync_all().unwrap();
    drop(file);
    let before = content(&disk);
    let error = erase(&disk.host(), &any, Depth::Everything)
        .unwrap_err()
        .to_string();
    assert!(error.contains("GFS2"), "{error}");
    assert!(content(&disk) == before);
}

#[test]
fn an_express_erasure_clears_the_metadata_of_what_is_no_nvme() {
    let disk = full_loop_disk(8 * MIB);
    let records = erase(&disk.host(), &node(&json!({}), &json!({})), Depth::Express).unwrap();
    let EraseOutcome::Erased { method, .. } = records[0].outcome else {
        panic!("{records:?}");
    };
    assert_eq!(method, EraseMethod::Metadata);
    let (before, after) = (garbage(8 << 20), content(&disk));
    assert!(after[..1 << 20].iter().all(|byte| *byte == 0));
    assert!(
        after[5 << 20..6 << 20] == before[5 << 20..6 << 20],
        "only the metadata goes"
    );
}
