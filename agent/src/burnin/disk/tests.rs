//! A disk in memory that may be broken, and a loop device through the whole step.

use std::io;

use parking_lot::Mutex;

use super::super::testing::node;
use super::*;
use crate::disk::testing::LoopDisk;

const SIZE: usize = 3 * CHUNK_BYTES + 512;

/// Loses a bit, or fails, where it is told to.
#[derive(Default)]
struct Broken {
    content: Mutex<Vec<u8>>,
    loses_at: Option<usize>,
    fails_at: Option<u64>,
}

impl Broken {
    fn new() -> Self {
        Self {
            content: Mutex::new(vec![0; SIZE]),
            ..Self::default()
        }
    }
}

impl Surface for Broken {
    fn size(&self) -> u64 {
        SIZE as u64
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.fails_at.is_some_and(|at| at == offset) {
            return Err(io::Error::other("no answer"));
        }
        let start = usize::try_from(offset).unwrap();
        buffer.copy_from_slice(&self.content.lock()[start..start + buffer.len()]);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        let mut content = self.content.lock();
        content[start..start + bytes.len()].copy_from_slice(bytes);
        let is_here = |at: &usize| (start..start + bytes.len()).contains(at);
        if let Some(at) = self.loses_at.filter(is_here) {
            content[at] ^= 1;
        }
        Ok(())
    }

    fn settle(&self) -> io::Result<()> {
        Ok(())
    }
}

fn limits(driver_info: &Value) -> Result<Limits, String> {
    Limits::of(&Settings::of(&node(driver_info))).map_err(|error| error.to_string())
}

fn burned(disk: &Broken, loops: Option<u64>, time: Option<Duration>) -> Result<Value, String> {
    let watch = Watch::default();
    burn(disk, Limits { loops, time }, Progress::default(), &watch)
}

#[test]
fn passes_are_limited_by_their_number_and_by_time() {
    let (loops, time) = (
        "agent_burnin_fio_disk_loops",
        "agent_burnin_fio_disk_runtime",
    );
    let of = |loops, seconds: Option<u64>| {
        let time = seconds.map(Duration::from_secs);
        Ok(Limits { loops, time })
    };
    assert_eq!(limits(&json!({})), of(Some(4), None));
    assert_eq!(limits(&json!({time: 0})), of(Some(4), None));
    assert_eq!(limits(&json!({time: 60})), of(None, Some(60)));
    assert_eq!(
        limits(&json!({loops: 2, time: "1h"})),
        of(Some(2), Some(3600))
    );
    assert!(
        limits(&json!({loops: 0}))
            .unwrap_err()
            .contains("from 1 to 10000")
    );
}

#[test]
fn a_sound_disk_is_written_and_read_as_often_as_is_said() {
    let disk = Broken::new();
    let result = burned(&disk, Some(3), None).unwrap();
    assert_eq!(result["passes"], 3);
    assert_eq!(result["bytes_written_and_read"], 6 * SIZE);
    assert!(disk.content.lock().iter().any(|byte| *byte != 0));
}

#[test]
fn the_time_ends_it_between_two_pieces() {
    let begun = Instant::now();
    let time = Duration::from_millis(200);
    let result = burned(&Broken::new(), None, Some(time)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(result["bytes_written_and_read"].as_u64().unwrap() > 0);
}

#[test]
fn a_lost_bit_and_an_error_are_told_with_their_place() {
    let disk = Broken {
        loses_at: Some(3 * CHUNK_BYTES + 5),
        ..Broken::new()
    };
    let expected = format!(
        "gave back 1 bytes that are wrong, the first at byte {}",
        3 * CHUNK_BYTES + 5
    );
    assert_eq!(burned(&disk, Some(4), None).unwrap_err(), expected);
    let disk = Broken {
        fails_at: Some(CHUNK_BYTES as u64),
        ..Broken::new()
    };
    let expected = format!("failed at byte {CHUNK_BYTES} while it was read: no answer");
    assert_eq!(burned(&disk, Some(4), None).unwrap_err(), expected);
}

#[test]
fn a_cancelled_burn_in_leaves_a_disk_alone() {
    let watch = Watch::default();
    watch.stop.request();
    let limits = Limits {
        loops: Some(1),
        time: None,
    };
    let disk = Broken::new();
    let error = burn(&disk, limits, Progress::default(), &watch).unwrap_err();
    assert_eq!(error, "the burn-in was cancelled");
    assert!(disk.content.lock().iter().all(|byte| *byte == 0));
}

#[test]
fn the_step_goes_over_a_whole_disk() {
    let disk = LoopDisk::new(4 << 20, 512);
    let node = node(&json!({
        "agent_burnin_fio_disk_loops": "2", "agent_burnin_fio_disk_smart_test": true,
    }));
    let watch = Watch::default();
    let result = burn_in(&disk.host(), &node, &Settings::of(&node), &watch).unwrap();
    let of_disk = &result[disk.path().to_str().unwrap()];
    assert_eq!(of_disk["passes"], 2, "{result}");
    assert_eq!(of_disk["bytes_written_and_read"], 4 * (4 << 20));
    assert_eq!(of_disk["self_test"], "none: it takes no commands for that");
    let content = std::fs::read(disk.path()).unwrap();
    let zeroes = content.iter().filter(|byte| **byte == 0).count();
    assert!(zeroes < content.len() / 100, "random bytes are everywhere");
}

#[test]
fn a_bad_setting_or_a_file_that_is_not_ours_stops_it_before_the_first_byte() {
    let disk = LoopDisk::new(4 << 20, 512);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report");
    let run = |driver_info: &Value| {
        let node = node(driver_info);
        burn_in(&disk.host(), &node, &Settings::of(&node), &Watch::default())
            .unwrap_err()
            .to_string()
    };
    let error = run(&json!({"agent_burnin_fio_disk_loops": "many"}));
    assert!(error.contains("agent_burnin_fio_disk_loops"), "{error}");
    let error = run(&json!({"agent_burnin_fio_disk_outputfile": path}));
    assert!(error.contains("is refused"), "{error}");
    assert!(!path.exists());
    let content = std::fs::read(disk.path()).unwrap();
    assert!(content.iter().all(|byte| *byte == 0));
}
