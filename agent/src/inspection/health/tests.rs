//! Disks that answer by the book, badly, or not at all.

use proptest::prelude::{any, proptest};
use serde_json::{Value, json};

use super::*;
use crate::inspection::recorded::Recorded;

/// A disk made of a function from a SCSI command to its data and its end.
struct Played<F>(F);

impl<F: FnMut(&[u8], &mut [u8]) -> ScsiEnd> Drive for Played<F> {
    fn scsi(&mut self, command: &[u8], data: &mut [u8]) -> io::Result<ScsiEnd> {
        Ok((self.0)(command, data))
    }

    fn nvme_log(&mut self, _page: u8, _data: &mut [u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn end(status: u8, sense: &[u8]) -> ScsiEnd {
    ScsiEnd {
        status,
        sense: sense.to_vec(),
        ..ScsiEnd::default()
    }
}

/// What a SATA disk has.
#[derive(Clone)]
struct Sata {
    identity_words: [u16; 3],
    attributes: Vec<[u8; 12]>,
    thresholds: Vec<(u8, u8)>,
    registers: Vec<u8>,
    checksum_error: u8,
}

const NEW: [u8; 12] = [5, 0x33, 0, 100, 100, 0, 0, 0, 0, 0, 0, 0];

impl Sata {
    fn well() -> Self {
        Self {
            identity_words: [1, 0x4000, 1],
            attributes: vec![
                NEW,
                [9, 0x32, 0, 97, 97, 0x88, 0x0a, 0, 0, 7, 0, 0],
                [12, 0x32, 0, 100, 100, 32, 0, 0, 0, 0, 0, 0],
                [194, 0x22, 0, 36, 40, 36, 0, 19, 0, 40, 0, 0],
            ],
            thresholds: vec![(5, 36), (9, 0), (12, 20), (194, 0)],
            registers: descriptor_sense([0x4f, 0xc2]),
            checksum_error: 0,
        }
    }

    fn answer(&self, command: &[u8], data: &mut [u8]) -> ScsiEnd {
        assert_eq!((command.len(), command[0]), (16, 0x85));
        let smart = |feature| (0xb0, feature);
        match (command[14], command[4]) {
            (0xec, 0) => {
                for (index, word) in [82, 83, 85].into_iter().zip(self.identity_words) {
                    data[2 * index..][..2].copy_from_slice(&word.to_le_bytes());
                }
            }
            command if command == smart(0xd0) => {
                for (index, attribute) in self.attributes.iter().enumerate() {
                    data[2 + 12 * index..][..12].copy_from_slice(attribute);
                }
                let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
                data[511] = sum.wrapping_neg().wrapping_add(self.checksum_error);
            }
            command if command == smart(0xd1) => {
                for (index, (id, threshold)) in self.thresholds.iter().enumerate() {
                    data[2 + 12 * index..][..2].copy_from_slice(&[*id, *threshold]);
                }
            }
            command if command == smart(0xda) => {
                assert!(data.is_empty());
                return end(2, &self.registers);
            }
            command => panic!("a command that nobody may send: {command:x?}"),
        }
        ScsiEnd::default()
    }

    fn health(&self) -> Result<Health, HealthError> {
        ata::health(&mut Played(|command: &[u8], data: &mut [u8]| {
            self.answer(command, data)
        }))
    }
}

/// Behind another descriptor, which is to be skipped.
fn descriptor_sense([middle, high]: [u8; 2]) -> Vec<u8> {
    let mut sense = vec![0x72, 1, 0, 0x1d, 0, 0, 0, 18, 0x02, 2, 0, 0];
    sense.extend_from_slice(&[0x09, 0x0c, 0, 0, 0, 0, 0, 0, 0, middle, 0, high, 0, 0x50]);
    sense
}

fn fixed_sense([middle, high]: [u8; 2]) -> Vec<u8> {
    vec![0x70, 0, 1, 0, 0x50, 0, 0, 10, 0, 0, middle, high, 0, 0x1d]
}

#[test]
fn a_sata_disk_tells_its_attributes() {
    let health = Sata::well().health().unwrap();
    let found = json!(health);
    for (key, expected) in [
        ("passed", json!(true)),
        ("temperature_c", json!(36)),
        ("power_on_hours", json!(2696)),
        ("power_cycles", json!(32)),
        ("percentage_used", Value::Null),
    ] {
        assert_eq!(found[key], expected, "{key}");
    }
    let attributes = found["ata"]["attributes"].as_array().unwrap();
    let expected = json!({
        "id": 5,
        "name": "Reallocated_Sector_Ct",
        "value": 100,
        "worst": 100,
        "threshold": 36,
        "is_critical": true,
        "raw": 0,
    });
    assert_eq!((attributes.len(), &attributes[0]), (4, &expected));
    assert!(found.get("nvme").is_none());
}

#[test]
fn a_sata_disk_says_whether_it_is_well() {
    let mut worn = NEW;
    worn[3] = 36;
    for (registers, first, passed) in [
        (descriptor_sense([0x4f, 0xc2]), worn, true),
        (descriptor_sense([0xf4, 0x2c]), NEW, false),
        (fixed_sense([0xf4, 0x2c]), NEW, false),
        (fixed_sense([0, 0]), worn, false),
        (Vec::new(), NEW, true),
        (vec![0x72, 1, 0, 0x1d, 0, 0, 0, 14, 0x09], NEW, true),
    ] {
        let mut disk = Sata::well();
        disk.registers.clone_from(&registers);
        disk.attributes[0] = first;
        let health = disk.health().unwrap();
        assert_eq!(health.passed, Some(passed), "{registers:x?} {first:?}");
    }
}

#[test]
fn a_sata_disk_that_cannot_tell_is_an_error() {
    let with = |change: fn(&mut Sata)| {
        let mut disk = Sata::well();
        change(&mut disk);
        disk.health().unwrap_err()
    };
    let error = with(|disk| disk.identity_words = [0, 0x4000, 1]);
    assert!(matches!(error, HealthError::NoSmart));
    let error = with(|disk| disk.identity_words = [1, 0, 1]);
    assert!(matches!(error, HealthError::NoSmart));
    let error = with(|disk| disk.identity_words = [1, 0x4000, 0]);
    assert!(matches!(error, HealthError::SmartOff));
    let error = with(|disk| disk.checksum_error = 1);
    assert!(matches!(error, HealthError::Checksum { .. }));
    let mut refusing = Played(|_: &[u8], _: &mut [u8]| end(2, &[0x70, 0, 5]));
    let error = ata::health(&mut refusing).unwrap_err().to_string();
    let expected = "the disk refused to tell its identity: status 2, sense key 5";
    assert_eq!(error, expected);
}

/// A page with its parameters, as LOG SENSE has it.
fn log_page(page: u8, parameters: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (code, value) in parameters {
        body.extend_from_slice(&code.to_be_bytes());
        body.extend_from_slice(&[3, u8::try_from(value.len()).unwrap()]);
        body.extend_from_slice(value);
    }
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&[page, 0, length[0], length[1]], &body[..]].concat()
}

#[test]
fn a_sas_disk_tells_by_its_log_pages() {
    let pages = [
        vec![0x00, 0, 0, 7, 0x00, 0x02, 0x03, 0x0d, 0x0e, 0x15, 0x2f],
        log_page(0x02, &[(6, &[0, 0, 0, 3])]),
        log_page(0x03, &[(0, &[9; 8]), (6, &[1, 0])]),
        log_page(0x0d, &[(0, &[0, 41]), (1, &[0, 68])]),
        log_page(0x0e, &[(3, &[0; 4]), (4, &[0, 0, 0, 8])]),
        log_page(0x15, &[(0, &[0, 0x0d, 0x44, 0x7f, 0, 0, 0, 0])]),
        log_page(0x2f, &[(0, &[0x5d, 0x10, 41])]),
    ];
    let mut disk = Played(|command: &[u8], data: &mut [u8]| {
        assert_eq!((command.len(), command[0]), (10, 0x4d));
        let mut asked = pages.iter().filter(|page| page[0] == command[2] & 0x3f);
        let page = asked.next().expect("only pages that the disk lists");
        data[..page.len()].copy_from_slice(page);
        ScsiEnd::default()
    });
    let expected = json!({
        "passed": false,
        "temperature_c": 41,
        "power_on_hours": 14491,
        "power_cycles": 8,
        "percentage_used": null,
        "scsi": {
            "exception": [0x5d, 0x10],
            "uncorrected_read_errors": 256,
            "uncorrected_write_errors": 3,
        },
    });
    assert_eq!(json!(scsi::health(&mut disk).unwrap()), expected);
}

proptest! {
    #[test]
    fn answers_of_any_bytes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 1..600),
        sense in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut disk = Played(|command: &[u8], data: &mut [u8]| {
            for (byte, answer) in data.iter_mut().zip(bytes.iter().cycle()) {
                *byte = *answer;
            }
            // So that questions are asked to the end: SMART is there, and checksums are right.
            if let Some(last) = data.len().checked_sub(1).filter(|_| command[0] == 0x85) {
                data[2 * 82..2 * 86].copy_from_slice(&[1, 0, 0, 0x40, 0, 0, 1, 0]);
                data[last] = 0;
                let sum = data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
                data[last] = sum.wrapping_neg();
            }
            end(0, &sense)
        });
        scsi::health(&mut disk).unwrap();
        ata::health(&mut disk).unwrap();
    }
}

struct Nvme([u8; 512]);

impl Drive for Nvme {
    fn scsi(&mut self, _command: &[u8], _data: &mut [u8]) -> io::Result<ScsiEnd> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn nvme_log(&mut self, page: u8, data: &mut [u8]) -> io::Result<()> {
        assert_eq!(page, 2);
        data.copy_from_slice(&self.0);
        Ok(())
    }
}

#[test]
fn an_nvme_disk_tells_by_its_health_log() {
    let mut page = [0; 512];
    page[..6].copy_from_slice(&[0x04, 0x38, 0x01, 98, 10, 3]);
    for (offset, number) in [
        (32, u128::from(u64::MAX) + 1),
        (48, 7),
        (112, 12),
        (128, 4321),
        (144, 2),
        (160, 1),
    ] {
        page[offset..][..16].copy_from_slice(&number.to_le_bytes());
    }
    let found = json!(nvme::health(&mut Nvme(page)).unwrap());
    let (passed, temperature) = (&found["passed"], &found["temperature_c"]);
    assert_eq!((passed, temperature), (&json!(false), &json!(39)));
    assert_eq!(found["power_on_hours"], 4321);
    assert_eq!(found["percentage_used"], 3);
    assert_eq!(found["nvme"]["data_units_read"], u64::MAX);
    assert_eq!(found["nvme"]["available_spare"], 98);
    assert_eq!(found["nvme"]["media_errors"], 1);
}

#[test]
fn how_a_disk_is_asked_is_seen_from_its_inventory() {
    let disk = |name: &str, vendor: Option<&str>, hctl: Option<&str>, tran: Option<&str>| {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        protocol(&Disk {
            name: name.to_owned(),
            vendor: owned(vendor),
            hctl: owned(hctl),
            tran: owned(tran),
            ..Disk::default()
        })
    };
    let place = Some("0:0:0:0");
    let ok = |found: Result<Protocol, HealthError>| found.unwrap();
    assert_eq!(
        ok(disk("/dev/sda", Some("ATA"), place, Some("sata"))),
        Protocol::Ata
    );
    assert_eq!(
        ok(disk("/dev/sdb", Some("SEAGATE"), place, Some("sas"))),
        Protocol::Scsi
    );
    assert_eq!(
        ok(disk("/dev/nvme0n1", None, None, Some("nvme"))),
        Protocol::Nvme
    );
    let usb = disk("/dev/sdc", Some("ATA"), place, Some("usb"));
    assert!(matches!(usb, Err(HealthError::Usb)));
    let virtio = disk("/dev/vda", None, None, Some("virtio"));
    assert!(matches!(virtio, Err(HealthError::OtherKind)));
}

#[test]
fn a_disk_that_the_host_guard_does_not_show_is_not_opened() {
    let machine = Recorded::new(&[("dev/sda", ""), ("dev/sdb", "")]);
    let disk = |name: &str| Disk {
        name: name.to_owned(),
        hctl: Some("0:0:0:0".to_owned()),
        ..Disk::default()
    };
    let told = examine(
        &machine.host(&["dev/sda"]),
        vec![disk("/dev/sda"), disk("/dev/sdb")],
    );
    let problems: Vec<&str> = told
        .iter()
        .map(|disk| disk.problem.as_deref().unwrap())
        .collect();
    // The first one is a file, which takes no commands.
    assert!(
        problems[0].starts_with("asking the disk for a log page: "),
        "{problems:?}"
    );
    assert_eq!(problems[1], "the host guard does not show this disk");
}
