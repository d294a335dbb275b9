//! Disks that have no command of their own, or are not asked for it.

use ferric_agent_protocol::erase::{EraseFound, EraseMethod};

use super::{Attempt, DISK_BYTES, assert_gone, erase, full, knobs};
use crate::disk::erase::method::MethodError;
use crate::disk::erase::model::{Fault, Model};
use crate::disk::erase::subject::Bus;

#[test]
fn passes_are_as_the_knobs_say() {
    for (random_passes, zeroes, found) in [
        (0, true, EraseFound::Zeroes),
        (1, true, EraseFound::Zeroes),
        (1, false, EraseFound::Random),
        (3, false, EraseFound::Random),
    ] {
        let model = full(&[]);
        let wanted = knobs(|knobs| (knobs.random_passes, knobs.zeroes) = (random_passes, zeroes));
        let attempt = Attempt::new();
        attempt.progress.phase("erasing");
        let done = attempt.run(&model, Bus::Other, &wanted).unwrap();
        let overwrite = EraseMethod::Overwrite {
            random_passes,
            zeroed: zeroes,
        };
        assert_eq!(done.method, overwrite);
        assert!(done.samples.iter().all(|sample| sample.found == found));
        assert!(done.samples.len() > 30, "{} samples", done.samples.len());
        let is_zero = model.with(|state| state.bytes.iter().all(|byte| *byte == 0));
        assert_eq!(is_zero, zeroes);
        assert_gone(&model, "overwritten");
        let passes = u64::from(random_passes) + u64::from(zeroes);
        let mark = attempt.progress.mark().unwrap();
        assert_eq!(mark.bytes_total, Some(passes * DISK_BYTES as u64));
        assert_eq!(Some(mark.bytes_written), mark.bytes_total);
    }
}

#[test]
fn a_disk_without_a_command_for_zeroes_is_sent_them() {
    let model = full(&[Fault::NoZeroCommand]);
    erase(&model, Bus::Other, &knobs(|knobs| knobs.random_passes = 0)).unwrap();
    assert!(model.with(|state| state.bytes.iter().all(|byte| *byte == 0)));
}

#[test]
fn a_disk_that_ignores_what_is_written_is_caught() {
    for (fault, random_passes, expected) in [
        (
            Fault::DropsWrites,
            1,
            "at byte 0 it should have the random bytes that were written to it",
        ),
        (Fault::DropsZeroes, 1, "at byte 0 it should have zeroes"),
        (Fault::DropsZeroes, 0, "at byte 0 it should have zeroes"),
    ] {
        let model = full(&[fault]);
        let wanted = knobs(|knobs| knobs.random_passes = random_passes);
        let error = erase(&model, Bus::Other, &wanted).unwrap_err();
        assert!(
            error.contains("ignored its erase") && error.contains(expected),
            "{fault:?}: {error}"
        );
    }
}

/// What an earlier user has left may lie between the places that are read back.
#[test]
fn a_disk_that_drops_zeroes_is_caught_although_it_is_empty_where_it_is_read() {
    let model = Model::of_bytes(vec![0; DISK_BYTES]);
    model.with(|state| state.faults = vec![Fault::DropsZeroes]);
    let zeroes_alone = knobs(|knobs| knobs.random_passes = 0);
    let error = erase(&model, Bus::Other, &zeroes_alone).unwrap_err();
    assert!(error.contains("ignored its erase"), "{error}");
}

#[test]
fn an_erasure_that_would_write_nothing_is_refused() {
    let nothing = knobs(|knobs| (knobs.random_passes, knobs.zeroes) = (0, false));
    let error = erase(&full(&[]), Bus::Other, &nothing).unwrap_err();
    assert!(error.contains("nothing would be written"), "{error}");
}

#[test]
fn an_erasure_ends_when_it_is_told_to() {
    let attempt = Attempt::new();
    attempt.stop.request();
    let model = full(&[]);
    let error = attempt.run(&model, Bus::Other, &knobs(|_| {})).unwrap_err();
    assert!(matches!(error, MethodError::Stopped), "{error}");
}
