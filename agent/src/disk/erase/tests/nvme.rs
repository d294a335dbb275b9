//! Drives of NVMe by what they say they can do and by what they then do.

use ferric_agent_protocol::erase::EraseMethod;

use super::{Attempt, assert_gone, commands, erase, full, knobs};
use crate::disk::erase::knobs::AfterFailure;
use crate::disk::erase::method::{Job, MethodError};
use crate::disk::erase::model::nvme::{Drive, NAMESPACE, Sanitize};
use crate::disk::erase::model::{Fault, Model};
use crate::disk::erase::nvme::{self, Namespace, Ways};
use crate::disk::erase::sanitize::holds_back;
use crate::disk::erase::subject::Bus;

const FORMATS: u16 = 0b10;
const WIDE: u8 = 0b10;
const CRYPTO: u8 = 0b100;
const SANITIZES: u32 = 0b111;
const READS_ZEROES: u8 = 1;
const READS_ONES: u8 = 2;

fn drive(oacs: u16, fna: u8, sanicap: u32, dlfeat: u8) -> Drive {
    Drive {
        oacs,
        fna,
        sanicap,
        dlfeat,
        sanitize: Sanitize::Never,
    }
}

fn model(drive: Drive, faults: &[Fault]) -> Model {
    let model = full(faults);
    model.with(|state| state.nvme = Some(drive));
    model
}

fn bus(kept: &[&str]) -> Bus {
    Bus::Nvme(Namespace {
        id: NAMESPACE,
        kept: kept.iter().copied().map(str::to_owned).collect(),
        ..Namespace::default()
    })
}

#[test]
fn the_drives_own_way_is_chosen_in_order() {
    use EraseMethod::{
        NvmeFormat, NvmeFormatCrypto, NvmeSanitizeBlock, NvmeSanitizeCrypto, NvmeSanitizeOverwrite,
    };
    for (drive, faults, method, sent) in [
        (
            drive(FORMATS, CRYPTO, SANITIZES, 0),
            &[][..],
            NvmeFormatCrypto,
            "format 2",
        ),
        (drive(FORMATS, 0, 0, 0), &[], NvmeFormat, "format 1"),
        (
            drive(FORMATS, 0, 0, READS_ZEROES),
            &[],
            NvmeFormat,
            "format 1",
        ),
        (
            drive(FORMATS, 0, 0, READS_ONES),
            &[],
            NvmeFormat,
            "format 1",
        ),
        (
            drive(0, 0, SANITIZES, READS_ZEROES),
            &[],
            NvmeSanitizeBlock,
            "sanitize 2",
        ),
        (drive(0, 0, 0b101, 0), &[], NvmeSanitizeCrypto, "sanitize 4"),
        (
            drive(0, 0, 0b100, READS_ZEROES),
            &[],
            NvmeSanitizeOverwrite,
            "sanitize 3",
        ),
        (
            drive(FORMATS, CRYPTO, 0, 0),
            &[Fault::CryptoFormatFails],
            NvmeFormat,
            "format 2, format 1",
        ),
        (
            drive(FORMATS, 0, SANITIZES, 0),
            &[Fault::FormatFails],
            NvmeSanitizeBlock,
            "format 1, sanitize 2",
        ),
    ] {
        let context = format!("{drive:?} {faults:?}");
        let model = model(drive, faults);
        let done = erase(&model, bus(&[]), &knobs(|_| {})).unwrap();
        assert_eq!(done.method, method, "{context}");
        assert_eq!(commands(&model), sent, "{context}");
        let failed = sent.split(", ").count() - 1;
        assert_eq!(done.failed_before.len(), failed, "{context}");
        assert_gone(&model, &context);
    }
}

#[test]
fn a_drive_that_cannot_or_does_not_is_told_of() {
    for (drive, faults, kept, expected) in [
        (drive(0, 0, 0, 0), &[][..], &[][..], "it has no command"),
        (
            drive(FORMATS, 0, 0, 0),
            &[Fault::FormatFails],
            &[],
            "formatting it: the controller answered with status 0x6",
        ),
        (
            drive(FORMATS, CRYPTO, 0, 0),
            &[Fault::IgnoresErase],
            &[],
            "ignored its erase: at byte 0 it should have anything but what was there before",
        ),
        (
            drive(FORMATS, 0, 0, READS_ZEROES),
            &[Fault::IgnoresErase],
            &[],
            "ignored its erase: at byte 0 it should have zeroes",
        ),
        (
            drive(0, 0, SANITIZES, 0),
            &[Fault::SanitizeFails],
            &[],
            "sanitising ended with status 0x3",
        ),
        (
            drive(0, 0, SANITIZES, 0),
            &[Fault::IgnoresErase],
            &[],
            "ignored its erase",
        ),
        // What would hit a namespace that is kept is not even tried.
        (
            drive(FORMATS, WIDE, SANITIZES, 0),
            &[],
            &["nvme0n9"],
            "nvme0n9 on it must be kept",
        ),
    ] {
        let context = format!("{drive:?} {faults:?}");
        let model = model(drive, faults);
        let error = erase(&model, bus(kept), &knobs(|_| {})).unwrap_err();
        assert!(error.contains(expected), "{context}: {error}");
        let knob = "agent_continue_if_secure_erase_failed is not set";
        assert!(error.contains(knob), "{context}: {error}");
        assert!(kept.is_empty() || commands(&model).is_empty(), "{context}");
    }
}

#[test]
fn a_neighbour_that_is_kept_forbids_only_what_reaches_it() {
    let model = model(
        drive(FORMATS, CRYPTO, SANITIZES, 0),
        &[Fault::CryptoFormatFails, Fault::FormatFails],
    );
    let error = erase(&model, bus(&["nvme0n9"]), &knobs(|_| {})).unwrap_err();
    assert_eq!(commands(&model), "format 2, format 1", "{error}");
}

#[test]
fn what_fails_is_overwritten_where_the_conductor_says_so() {
    let continues = knobs(|knobs| knobs.after_failure = AfterFailure::Overwrite);
    for (drive, faults) in [
        (drive(0, 0, 0, 0), &[][..]),
        (drive(FORMATS, 0, 0, 0), &[Fault::FormatFails]),
        (drive(FORMATS, CRYPTO, 0, 0), &[Fault::IgnoresErase]),
        // It can be left only because the agent has asked for that before.
        (drive(0, 0, SANITIZES, 0), &[Fault::SanitizeFails]),
    ] {
        let context = format!("{drive:?} {faults:?}");
        let model = model(drive, faults);
        let done = erase(&model, bus(&[]), &continues).unwrap();
        let overwrite = EraseMethod::Overwrite {
            random_passes: 1,
            zeroed: true,
        };
        assert_eq!(done.method, overwrite, "{context}");
        assert_eq!(done.failed_before.len(), 1, "{context}");
        assert_gone(&model, &context);
    }
}

#[test]
fn a_drive_is_left_alone_where_the_conductor_says_so() {
    let model = model(drive(FORMATS, CRYPTO, SANITIZES, 0), &[]);
    let off = knobs(|knobs| knobs.nvme = false);
    let done = erase(&model, bus(&[]), &off).unwrap();
    assert!(matches!(done.method, EraseMethod::Overwrite { .. }));
    assert!(done.failed_before.is_empty());
    assert_eq!(commands(&model), "");
}

#[test]
fn a_fast_erasure_only_formats() {
    for (drive, expected) in [
        (drive(FORMATS, CRYPTO, SANITIZES, 0), Ok("format 2")),
        (drive(0, 0, SANITIZES, 0), Err("it has no command")),
    ] {
        let model = model(drive, &[]);
        let Bus::Nvme(namespace) = bus(&[]) else {
            panic!("the bus is that of NVMe");
        };
        let erase = |job: &Job<'_>| nvme::erase(job, &namespace, Ways::Format);
        let done = Attempt::new().with_job(&model, bus(&[]), &knobs(|_| {}), erase);
        match (done, expected) {
            (Ok(_), Ok(sent)) => assert_eq!(commands(&model), sent),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (done, expected) => panic!("{done:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn a_sanitize_says_why_a_drive_cannot_be_read() {
    for (sanitize, holds) in [
        (Sanitize::Never, false),
        (Sanitize::Done, false),
        (Sanitize::Running(5), true),
        (Sanitize::Failed { unrestricted: true }, true),
    ] {
        let drive = Drive {
            sanitize,
            ..drive(FORMATS, 0, SANITIZES, 0)
        };
        assert_eq!(holds_back(&model(drive, &[])), holds, "{sanitize:?}");
    }
}

#[test]
fn what_an_earlier_attempt_has_begun_is_waited_for() {
    for (sanitize, sent) in [
        (Sanitize::Running(5), "format 1"),
        (
            Sanitize::Failed { unrestricted: true },
            "sanitize 1, format 1",
        ),
        // Only another sanitize ends this.
        (
            Sanitize::Failed {
                unrestricted: false,
            },
            "sanitize 1, format 1, sanitize 2",
        ),
    ] {
        let drive = Drive {
            sanitize,
            ..drive(FORMATS, 0, SANITIZES, READS_ZEROES)
        };
        let model = model(drive, &[]);
        erase(&model, bus(&[]), &knobs(|_| {})).unwrap();
        assert_eq!(commands(&model), sent, "{sanitize:?}");
        assert_gone(&model, sent);
    }
}

#[test]
fn the_drive_itself_says_how_far_it_is_and_can_be_left_to_it() {
    let drive = Drive {
        sanitize: Sanitize::Running(u32::MAX),
        ..drive(FORMATS, 0, SANITIZES, 0)
    };
    let model = model(drive, &[]);
    let attempt = Attempt::new();
    attempt.progress.phase("erasing");
    let error = std::thread::scope(|scope| {
        let running = scope.spawn(|| attempt.run(&model, bus(&[]), &knobs(|_| {})));
        // A quarter is what the log page of the model says.
        let quarter = (super::DISK_BYTES / 4) as u64;
        let is_told = || {
            let written = attempt.progress.mark().map(|mark| mark.bytes_written);
            if written == Some(quarter) {
                Ok(())
            } else {
                Err(written)
            }
        };
        let told = crate::disk::settle::retry(std::time::Duration::from_secs(60), is_told);
        attempt.stop.request();
        let ended = running.join().unwrap();
        assert_eq!(told, Ok(()));
        ended.unwrap_err()
    });
    assert!(matches!(error, MethodError::Stopped), "{error}");
    assert_eq!(commands(&model), "");
}
