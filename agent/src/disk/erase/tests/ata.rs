//! Disks of ATA in every state that their security can be in, and what each command does to it.

use ferric_agent_protocol::erase::EraseMethod;

use super::{assert_gone, commands, erase, full, knobs};
use crate::disk::erase::ata::holds_back;
use crate::disk::erase::knobs::AfterFailure;
use crate::disk::erase::model::ata::Drive;
use crate::disk::erase::model::{Fault, Model};
use crate::disk::erase::subject::Bus;

fn model(drive: Drive, faults: &[Fault]) -> Model {
    let model = full(faults);
    model.with(|state| state.ata = Some(drive));
    model
}

fn plain() -> Drive {
    Drive::default()
}

fn with_password(password: &str, locked: bool) -> Drive {
    Drive {
        password: Some(password.as_bytes().to_vec()),
        locked,
        ..Drive::default()
    }
}

/// The disk can be written, and will be after its next start.
fn assert_open(model: &Model, context: &str) {
    model.with(|state| {
        let drive = state.ata.as_ref().unwrap();
        assert!(
            !drive.locked && drive.password.is_none(),
            "{context}: {drive:?}"
        );
    });
}

#[test]
fn a_disk_erases_itself_from_every_state_that_allows_it() {
    use EraseMethod::{AtaErase, AtaEraseEnhanced};
    let enhanced = "set, prepare, erase enhanced";
    let normal_only = Drive {
        enhanced: false,
        ..plain()
    };
    for (drive, method, sent) in [
        (plain(), AtaEraseEnhanced, enhanced.to_owned()),
        (normal_only, AtaErase, "set, prepare, erase".to_owned()),
        // Left by an attempt that a power cut ended.
        (
            with_password("", true),
            AtaEraseEnhanced,
            format!("unlock, disable, {enhanced}"),
        ),
        // Left by hdparm before 9.51.
        (
            with_password("NULL", true),
            AtaEraseEnhanced,
            format!("unlock, unlock, disable, disable, {enhanced}"),
        ),
        // Left by an attempt since the disk's last start.
        (
            with_password("", false),
            AtaEraseEnhanced,
            format!("disable, {enhanced}"),
        ),
        (
            with_password("NULL", false),
            AtaEraseEnhanced,
            format!("disable, disable, {enhanced}"),
        ),
    ] {
        let context = format!("{drive:?}");
        let model = model(drive, &[]);
        let done = erase(&model, Bus::Ata, &knobs(|_| {})).unwrap();
        assert_eq!(done.method, method, "{context}");
        assert_eq!(commands(&model), sent, "{context}");
        assert_gone(&model, &context);
        assert_open(&model, &context);
    }
}

#[test]
fn a_disk_whose_state_forbids_it_is_told_of() {
    let frozen = Drive {
        frozen: true,
        ..plain()
    };
    let expired = Drive {
        attempts_left: 0,
        ..with_password("", true)
    };
    for (drive, expected, sent) in [
        (frozen, "its security is frozen", ""),
        (
            expired,
            "it takes no more passwords until its power was off",
            "",
        ),
        (
            with_password("secret", true),
            "it has a password that is neither",
            "unlock, unlock",
        ),
        (
            with_password("secret", false),
            "it has a password that is neither",
            "disable, disable",
        ),
    ] {
        let context = format!("{drive:?}");
        let model = model(drive, &[]);
        let before = model.with(|state| state.bytes.clone());
        let error = erase(&model, Bus::Ata, &knobs(|_| {})).unwrap_err();
        assert!(error.contains(expected), "{context}: {error}");
        assert_eq!(commands(&model), sent, "{context}");
        assert!(
            model.with(|state| state.bytes == before),
            "{context}: it was written to"
        );
    }
}

#[test]
fn an_erase_that_fails_leaves_no_disk_locked() {
    let failed_both = [Fault::EnhancedEraseFails, Fault::EraseFails];
    for (faults, expected) in [
        (
            &failed_both[..],
            "erasing it in normal mode: the drive answered with status 0x2",
        ),
        (&[Fault::IgnoresErase], "ignored its erase"),
        (&[Fault::StaysEnabled], "its security is still enabled"),
    ] {
        let model = model(plain(), faults);
        let error = erase(&model, Bus::Ata, &knobs(|_| {})).unwrap_err();
        assert!(error.contains(expected), "{faults:?}: {error}");
        assert!(
            error.contains("agent_continue_if_secure_erase_failed is not set"),
            "{error}"
        );
        assert_open(&model, expected);
    }
}

#[test]
fn normal_mode_follows_where_enhanced_mode_fails() {
    let model = model(plain(), &[Fault::EnhancedEraseFails]);
    let done = erase(&model, Bus::Ata, &knobs(|_| {})).unwrap();
    assert_eq!(done.method, EraseMethod::AtaErase);
    assert_eq!(
        commands(&model),
        "set, prepare, erase enhanced, unlock, prepare, erase"
    );
    assert!(
        done.failed_before[0].contains("enhanced mode"),
        "{:?}",
        done.failed_before
    );
    assert_open(&model, "enhanced mode failed");
}

#[test]
fn what_fails_is_overwritten_where_the_conductor_says_so() {
    let continues = knobs(|knobs| knobs.after_failure = AfterFailure::Overwrite);
    let frozen = Drive {
        frozen: true,
        ..plain()
    };
    for (drive, faults, expected) in [
        (
            plain(),
            &[Fault::EnhancedEraseFails, Fault::EraseFails][..],
            "erasing it in normal mode",
        ),
        (frozen, &[], "its security is frozen"),
        (
            with_password("secret", false),
            &[],
            "it has a password that is neither",
        ),
    ] {
        let model = model(drive, faults);
        let done = erase(&model, Bus::Ata, &continues).unwrap();
        assert!(matches!(done.method, EraseMethod::Overwrite { .. }));
        let [failed] = &done.failed_before[..] else {
            panic!("{expected}: {:?}", done.failed_before);
        };
        assert!(failed.contains(expected), "{failed}");
        assert_gone(&model, expected);
    }
}

#[test]
fn a_locked_disk_cannot_be_overwritten_either_and_both_reasons_are_told() {
    let continues = knobs(|knobs| knobs.after_failure = AfterFailure::Overwrite);
    let model = model(with_password("secret", true), &[]);
    let error = erase(&model, Bus::Ata, &continues).unwrap_err();
    for expected in ["it has a password that is neither", "overwriting at byte 0"] {
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_disk_without_security_is_overwritten() {
    let none = Drive {
        supported: false,
        ..plain()
    };
    let silent = full(&[]);
    let switched_off = knobs(|knobs| knobs.ata = false);
    for (model, knobs) in [
        (model(none, &[]), knobs(|_| {})),
        // A bridge that does not hand on commands.
        (silent, knobs(|_| {})),
        (model(plain(), &[]), switched_off),
    ] {
        let done = erase(&model, Bus::Ata, &knobs).unwrap();
        assert!(matches!(done.method, EraseMethod::Overwrite { .. }));
        assert!(done.failed_before.is_empty());
        assert_eq!(commands(&model), "");
    }
}

#[test]
fn a_lock_says_why_a_disk_cannot_be_read() {
    assert!(holds_back(&model(with_password("secret", true), &[])));
    assert!(!holds_back(&model(with_password("secret", false), &[])));
    assert!(!holds_back(&full(&[])), "it is no disk of ATA");
}
