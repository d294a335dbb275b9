//! What a record may say.

use super::{SIZE, erased, overwritten, sample};
use crate::erase_records::{check, clock_went_back};
use ferric_agent_protocol::erase::{EraseFound, EraseMethod, EraseOutcome, EraseRecord};
use jiff::Timestamp;

#[test]
fn the_rules_of_a_record() {
    fn check_one(record: &EraseRecord, expected: Result<(), &str>) {
        assert_eq!(check(record), expected.map_err(str::to_owned), "{record:?}");
    }
    check_one(&overwritten(), Ok(()));
    let left = EraseRecord {
        outcome: EraseOutcome::Skipped {
            reason: "it is read-only".to_owned(),
        },
        ..overwritten()
    };
    check_one(&left, Ok(()));
    let at = |second| Timestamp::from_second(second).unwrap();
    let backwards = EraseRecord {
        started_at: at(2),
        finished_at: at(1),
        ..overwritten()
    };
    check_one(&backwards, Ok(()));
    assert!(clock_went_back(&backwards) && !clock_went_back(&overwritten()));
    let long = EraseRecord {
        serial: Some("ä".repeat(256)),
        ..overwritten()
    };
    check_one(&long, Err("serial is longer than 255 characters"));
    let fits = EraseRecord {
        serial: Some("ä".repeat(255)),
        ..overwritten()
    };
    check_one(&fits, Ok(()));
    let odd = EraseRecord {
        device: "sda".to_owned(),
        ..overwritten()
    };
    check_one(&odd, Err("its device is not in /dev"));
    let wordy = EraseRecord {
        outcome: EraseOutcome::Skipped {
            reason: "x".repeat(4001),
        },
        ..overwritten()
    };
    check_one(&wordy, Err("reason is longer than 4000 characters"));
}

#[test]
fn the_rules_of_samples() {
    let crypto = EraseMethod::NvmeFormatCrypto;
    let overwrite = |random_passes, zeroed| EraseMethod::Overwrite {
        random_passes,
        zeroed,
    };
    let other = |offset| sample(offset, EraseFound::Other);
    let not_left = Err("what was read at byte 0 is not what the method leaves behind");
    let cases = [
        (crypto, vec![other(0), other(4096)], Ok(())),
        (
            crypto,
            vec![other(4096), other(0)],
            Err("its samples are not by ascending offset"),
        ),
        (
            crypto,
            vec![other(0), other(0)],
            Err("its samples are not by ascending offset"),
        ),
        (crypto, vec![], Err("nothing of the disk was read back")),
        (crypto, vec![other(SIZE - 4096)], Ok(())),
        (
            crypto,
            vec![other(SIZE - 4095)],
            Err(
                "the sample at byte 1073737729 does not lie on the disk, which has 1073741824 bytes",
            ),
        ),
        (
            crypto,
            vec![other(u64::MAX)],
            Err(
                "the sample at byte 18446744073709551615 does not lie on the disk, which has 1073741824 bytes",
            ),
        ),
        (crypto, vec![sample(0, EraseFound::Random)], not_left),
        (EraseMethod::AtaErase, vec![other(0)], not_left),
        (overwrite(1, true), vec![other(0)], not_left),
        (
            overwrite(3, false),
            vec![sample(0, EraseFound::Random)],
            Ok(()),
        ),
        (
            overwrite(0, false),
            vec![sample(0, EraseFound::Random)],
            Err("it was overwritten with nothing"),
        ),
        (EraseMethod::Metadata, vec![], Ok(())),
        (
            EraseMethod::Metadata,
            vec![other(0)],
            Err("an erasure of metadata has no samples"),
        ),
        (
            crypto,
            (0..1025).map(|at| other(at * 4096)).collect(),
            Err("samples has 1025 entries, and 1024 are allowed"),
        ),
    ];
    for (method, samples, expected) in cases {
        let record = erased(method, samples);
        assert_eq!(
            check(&record),
            expected.map_err(str::to_owned),
            "{method:?}"
        );
    }
}
