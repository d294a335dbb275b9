//! The disk's edges: what is held back, what is zeroed by which way, and what is counted.

use super::*;
use crate::image::testing::{FileDisk, garbage};

const MIB: u64 = 1 << 20;
const DISK: u64 = 24 * MIB;

struct Fixture {
    disk: FileDisk,
    target: Target,
    progress: Progress,
    expected: Vec<u8>,
}

impl Fixture {
    fn new(zeroing: Zeroing) -> Self {
        let disk = FileDisk::new(DISK);
        let progress = Progress::default();
        let permit = disk.host.permits_device(disk.path()).unwrap();
        let mut target = Target::open(&permit, progress.clone(), Stop::default()).unwrap();
        target.zeroing = zeroing;
        let mut expected = disk.bytes();
        expected[..1 << 20].fill(0);
        expected[23 << 20..].fill(0);
        Self {
            disk,
            target,
            progress,
            expected,
        }
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) {
        self.target.write(offset, bytes).unwrap();
        self.expected[index(offset)..][..bytes.len()].copy_from_slice(bytes);
    }

    fn zero(&mut self, offset: u64, length: u64) {
        self.target.zero(offset, length).unwrap();
        self.expected[index(offset)..][..index(length)].fill(0);
    }

    fn check(mut self, counted: u64) {
        self.target.commit().unwrap();
        let after = self.disk.bytes();
        let differs = after != self.expected;
        assert!(
            !differs,
            "byte {:?}",
            (0..after.len()).find(|at| after[*at] != self.expected[*at])
        );
        assert_eq!(
            self.progress.mark().map_or(0, |mark| mark.bytes_written),
            counted
        );
    }
}

fn both(check: impl Fn(Fixture)) {
    for zeroing in [Zeroing::Offload, Zeroing::ReadFirst] {
        check(Fixture::new(zeroing));
    }
}

#[test]
fn writes_across_every_edge() {
    both(|mut fixture| {
        let bytes = garbage(3000);
        let mut counted = 0;
        for offset in [0, MIB - 1500, 5 * MIB + 1, 23 * MIB - 1500, DISK - 3000] {
            fixture.write(offset, &bytes);
            counted += 3000;
        }
        fixture.check(counted);
    });
}

#[test]
fn one_write_over_everything() {
    both(|mut fixture| {
        let bytes = garbage(index(DISK));
        fixture.write(0, &bytes);
        fixture.check(DISK);
    });
}

#[test]
fn zeroes_across_every_edge_and_of_every_length() {
    both(|mut fixture| {
        let ranges = [
            (0, 10),
            (MIB - 5, 10),
            (2 * MIB + 1, 4095),
            (3 * MIB + 17, 3 * MIB),
            (8 * MIB, 2 * MIB),
            (10 * MIB, 1),
            (12 * MIB - 1, MIB + 2),
            (22 * MIB, 2 * MIB),
        ];
        for (offset, length) in ranges {
            fixture.zero(offset, length);
        }
        fixture.check(ranges.iter().map(|(_, length)| length).sum());
    });
}

#[test]
fn zeroes_inside_of_data_are_found_and_joined_with_those_beside_them() {
    both(|mut fixture| {
        let mut bytes = garbage(6 << 20);
        bytes[1 << 20..4 << 20].fill(0);
        bytes[(5 << 20) + 7..].fill(0);
        fixture.write(4 * MIB, &bytes);
        fixture.zero(10 * MIB, 2 * MIB);
        fixture.write(12 * MIB, &garbage(100));
        fixture.check(8 * MIB + 100);
    });
}

#[test]
fn nothing_is_written_beyond_the_end() {
    both(|mut fixture| {
        for (offset, length) in [(DISK - 1, 2), (DISK, 1), (u64::MAX, 1)] {
            let error = fixture.target.write(offset, &garbage(length)).unwrap_err();
            assert!(matches!(error, TargetError::EndOfDisk { .. }), "{error}");
        }
        fixture.target.check_fits(DISK).unwrap();
        assert!(fixture.target.check_fits(DISK + 1).is_err());
        fixture.check(0);
    });
}

#[test]
fn until_the_commit_neither_end_has_anything() {
    let mut fixture = Fixture::new(Zeroing::Offload);
    fixture.target.clear().unwrap();
    fixture.write(0, &garbage(index(DISK)));
    fixture.target.sync().unwrap();
    fixture.disk.assert_has_no_table();
    fixture.check(DISK);
}

#[test]
fn a_wish_to_stop_ends_the_zeroing() {
    let mut fixture = Fixture::new(Zeroing::ReadFirst);
    fixture.target.stop.request();
    fixture.target.zero(4 * MIB, 4 * MIB).unwrap();
    assert!(matches!(fixture.target.commit(), Err(TargetError::Stopped)));
}
