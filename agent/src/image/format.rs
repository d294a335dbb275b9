//! Tells the format of an image by its first bytes, and whether it is what the conductor said.
//!
//! Nothing is guessed from names. A file that could be read as two formats is refused: it may have been made so
//! that the one who checks it and the one who uses it see different things.

use thiserror::Error;

use super::decompress::Packing;
use super::qcow2::MAGIC as QCOW2_MAGIC;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum FormatError {
    #[error("the image was declared to be {declared} but is {found}")]
    Mismatch {
        declared: String,
        found: &'static str,
    },
    #[error(
        "{0} images cannot be written; convert the image to qcow2 or raw with qemu-img convert"
    )]
    Unsupported(String),
    #[error("{found} images are not permitted here, only these are: {permitted}")]
    NotPermitted {
        found: &'static str,
        permitted: String,
    },
    #[error("the image could be read both as {0} and as {1}")]
    Ambiguous(&'static str, &'static str),
}

/// How the image is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Raw(Packing),
    Qcow2,
}

/// What the operator allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatPolicy {
    /// Without a list every format that can be written.
    pub permitted: Option<Vec<String>>,
    /// The image alone tells its format: neither what was declared nor the list counts.
    pub trust_images: bool,
}

impl FormatPolicy {
    /// `prefix` is the start of the file, 64 KiB of it or all.
    pub(crate) fn recognise(
        &self,
        prefix: &[u8],
        declared: Option<&str>,
    ) -> Result<Reading, FormatError> {
        if self.trust_images {
            return recognise(prefix, None);
        }
        let reading = recognise(prefix, declared)?;
        self.permit(reading, declared)?;
        Ok(reading)
    }

    fn permit(&self, reading: Reading, declared: Option<&str>) -> Result<(), FormatError> {
        let Some(permitted) = &self.permitted else {
            return Ok(());
        };
        let has = |name: &str| permitted.iter().any(|one| one.eq_ignore_ascii_case(name));
        let (found, fits) = match reading {
            Reading::Qcow2 => ("qcow2", has("qcow2")),
            Reading::Raw(_) if declared == Some("iso") => ("iso", has("iso")),
            // A raw image of a disk has a partition table as a rule, so one name stands for the other.
            Reading::Raw(_) => ("raw", has("raw") || has("gpt")),
        };
        if fits {
            return Ok(());
        }
        Err(FormatError::NotPermitted {
            found,
            permitted: permitted.join(", "),
        })
    }
}

/// Formats that start with a fixed text: at which offset, which, and how it is called.
const MARKS: &[(usize, &[u8], &str)] = &[
    (0, &QCOW2_MAGIC, "qcow2"),
    (0, b"QED\0", "qed"),
    (0, b"KDMV", "vmdk"),
    (0, b"COWD", "vmdk"),
    (0, b"# Disk DescriptorFile", "vmdk"),
    (0, b"vhdxfile", "vhdx"),
    (0, b"conectix", "vhd"),
    (0x40, b"\x7f\x10\xda\xbe", "vdi"),
    (0, b"LUKS\xba\xbe", "luks"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"BZh", "bzip2"),
    (0, b"PK\x03\x04", "zip"),
    (0, b"\x1f\x8b\x08", "gzip"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
];

/// Marks that a raw disk image may have, so that they matter only beside another format.
const RAW_MARKS: &[(usize, &[u8], &str)] = &[
    (0x8001, b"CD001", "iso"),
    (512, b"EFI PART", "gpt"),
    (4096, b"EFI PART", "gpt"),
];

fn recognise(prefix: &[u8], declared: Option<&str>) -> Result<Reading, FormatError> {
    let found = single(prefix)?;
    let declared = declared.unwrap_or(match found {
        Some("qcow2") => "qcow2",
        _ => "raw",
    });
    match (declared, found) {
        ("qcow2", Some("qcow2")) => Ok(Reading::Qcow2),
        ("raw" | "gpt" | "iso", None) => Ok(Reading::Raw(Packing::None)),
        ("raw", Some("gzip")) => Ok(Reading::Raw(Packing::Gzip)),
        ("raw", Some("zstd")) => Ok(Reading::Raw(Packing::Zstd)),
        (
            "raw",
            Some(
                other @ ("xz" | "bzip2" | "zip" | "vmdk" | "vhd" | "vhdx" | "vdi" | "qed" | "luks"),
            ),
        ) => Err(FormatError::Unsupported(other.to_owned())),
        ("qcow2" | "raw" | "gpt" | "iso", found) => Err(FormatError::Mismatch {
            declared: declared.to_owned(),
            found: found.unwrap_or("raw"),
        }),
        (other, _) => Err(FormatError::Unsupported(other.to_owned())),
    }
}

fn single(prefix: &[u8]) -> Result<Option<&'static str>, FormatError> {
    let has = |(at, mark, _): &&(usize, &[u8], &'static str)| {
        prefix.get(*at..).is_some_and(|rest| rest.starts_with(mark))
    };
    let mut marks = MARKS.iter().filter(has).map(|(_, _, name)| *name);
    let Some(first) = marks.next() else {
        return Ok(None);
    };
    let other = marks.find(|name| *name != first);
    let other = other.or_else(|| RAW_MARKS.iter().find(has).map(|(_, _, name)| *name));
    match other {
        Some(other) => Err(FormatError::Ambiguous(first, other)),
        None => Ok(Some(first)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(marks: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; 65536];
        for (at, mark) in marks {
            bytes[*at..*at + mark.len()].copy_from_slice(mark);
        }
        bytes
    }

    fn check(marks: &[(usize, &[u8])], declared: Option<&str>, expected: Result<Reading, &str>) {
        let found = recognise(&file(marks), declared);
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{marks:?} {declared:?}"),
            (Err(found), Err(expected)) => assert!(found.to_string().contains(expected), "{found}"),
            (found, expected) => panic!("{marks:?} {declared:?}: {found:?} is not {expected:?}"),
        }
    }

    const RAW: Result<Reading, &str> = Ok(Reading::Raw(Packing::None));

    #[test]
    fn what_is_declared_must_be_there() {
        let qcow2: &[(usize, &[u8])] = &[(0, b"QFI\xfb")];
        check(qcow2, Some("qcow2"), Ok(Reading::Qcow2));
        check(qcow2, None, Ok(Reading::Qcow2));
        check(qcow2, Some("raw"), Err("declared to be raw but is qcow2"));
        check(&[], Some("qcow2"), Err("declared to be qcow2 but is raw"));
        check(
            &[(0, b"vhdxfile")],
            Some("qcow2"),
            Err("declared to be qcow2 but is vhdx"),
        );
        check(&[(0, b"\x1f\x8b\x08")], Some("qcow2"), Err("but is gzip"));
    }

    #[test]
    fn raw_images_may_be_packed_and_carry_tables() {
        check(&[], None, RAW);
        check(&[(512, b"EFI PART")], Some("raw"), RAW);
        check(&[(512, b"EFI PART"), (0x8001, b"CD001")], Some("gpt"), RAW);
        check(
            &[(0, b"\x1f\x8b\x08")],
            None,
            Ok(Reading::Raw(Packing::Gzip)),
        );
        check(
            &[(0, b"\x28\xb5\x2f\xfd")],
            Some("raw"),
            Ok(Reading::Raw(Packing::Zstd)),
        );
    }

    #[test]
    fn other_formats_are_named() {
        check(&[(0, b"KDMV")], None, Err("vmdk images cannot be written"));
        check(
            &[(0, b"\xfd7zXZ\0")],
            Some("raw"),
            Err("xz images cannot be written"),
        );
        check(&[(0x40, b"\x7f\x10\xda\xbe")], None, Err("vdi"));
        check(&[(0, b"LUKS\xba\xbe")], None, Err("luks"));
        check(&[], Some("vmdk"), Err("vmdk images cannot be written"));
    }

    #[test]
    fn two_formats_at_once_are_refused() {
        check(
            &[(0, b"QFI\xfb"), (0x8001, b"CD001")],
            Some("qcow2"),
            Err("both as qcow2 and as iso"),
        );
        check(
            &[(0, b"QFI\xfb"), (512, b"EFI PART")],
            None,
            Err("both as qcow2 and as gpt"),
        );
        check(
            &[(0, b"QFI\xfb"), (0x40, b"\x7f\x10\xda\xbe")],
            None,
            Err("both as qcow2 and as vdi"),
        );
    }

    #[test]
    fn a_file_shorter_than_a_mark_is_raw() {
        for length in [0, 1, 3, 511] {
            assert_eq!(
                recognise(&vec![b'Q'; length], None),
                Ok(Reading::Raw(Packing::None))
            );
        }
    }

    #[test]
    fn only_permitted_formats_are_written() {
        let policy = |permitted: &[&str], trust_images| FormatPolicy {
            permitted: Some(permitted.iter().map(|name| (*name).to_owned()).collect()),
            trust_images,
        };
        let (raw, qcow2) = (file(&[]), file(&[(0, b"QFI\xfb")]));
        let only_raw = policy(&["raw"], false);
        assert!(only_raw.recognise(&raw, Some("raw")).is_ok());
        let error = only_raw.recognise(&qcow2, Some("qcow2")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "qcow2 images are not permitted here, only these are: raw"
        );
        assert!(only_raw.recognise(&raw, Some("iso")).is_err());
        assert!(policy(&["gpt"], false).recognise(&raw, None).is_ok());
        assert!(policy(&["qcow2"], false).recognise(&raw, None).is_err());
        let trusting = policy(&["raw"], true);
        assert_eq!(trusting.recognise(&qcow2, Some("raw")), Ok(Reading::Qcow2));
    }
}
