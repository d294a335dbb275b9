//! Reads the files of a small ISO 9660 image in memory: just enough to copy a config drive elsewhere.
//!
//! Every tool that makes config drives writes Joliet names; without them the plain names are taken. The image is
//! foreign: every offset is checked, and the count of entries and the depth are bounded.

use thiserror::Error;

const BLOCK: usize = 2048;
const FIRST_DESCRIPTOR: usize = 16;
const MAX_DESCRIPTORS: usize = 32;
const MAX_ENTRIES: usize = 10_000;
const MAX_DEPTH: usize = 16;
const DIRECTORY_FLAG: u8 = 2;

#[derive(Debug, Error, PartialEq, Eq)]
pub enum IsoError {
    #[error("the config drive is not an ISO 9660 file system")]
    NotIso,
    #[error("the ISO 9660 file system of the config drive is damaged")]
    Damaged,
}

/// A file or directory; directories come before what is in them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// With `/` between its parts.
    pub(super) path: String,
    /// `None` for a directory.
    pub(super) content: Option<&'a [u8]>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Plain,
    Joliet,
}

/// All files and directories of the image.
pub(super) fn read(image: &[u8]) -> Result<Vec<Entry<'_>>, IsoError> {
    let (root, names) = root(image)?;
    let mut entries = Vec::new();
    walk(image, root, names, "", &mut entries)?;
    Ok(entries)
}

/// The record of the root directory, that of the Joliet tree where there is one.
fn root(image: &[u8]) -> Result<(&[u8], Names), IsoError> {
    let mut plain = None;
    for block in FIRST_DESCRIPTOR..FIRST_DESCRIPTOR + MAX_DESCRIPTORS {
        let descriptor = image
            .get(block * BLOCK..(block + 1) * BLOCK)
            .ok_or(IsoError::NotIso)?;
        if &descriptor[1..6] != b"CD001" {
            return Err(IsoError::NotIso);
        }
        let is_joliet = matches!(&descriptor[88..91], b"%/@" | b"%/C" | b"%/E");
        match descriptor[0] {
            1 => plain = Some(&descriptor[156..190]),
            2 if is_joliet => return Ok((&descriptor[156..190], Names::Joliet)),
            255 => break,
            _ => {}
        }
    }
    plain
        .map(|root| (root, Names::Plain))
        .ok_or(IsoError::NotIso)
}

fn walk<'a>(
    image: &'a [u8],
    record: &[u8],
    names: Names,
    parent: &str,
    entries: &mut Vec<Entry<'a>>,
) -> Result<(), IsoError> {
    if parent.split('/').count() > MAX_DEPTH {
        return Err(IsoError::Damaged);
    }
    let directory = extent(image, record)?;
    // A record never crosses a block; the rest of a block is zero.
    for block in directory.chunks(BLOCK) {
        let mut rest = block;
        while let Some(length) = rest
            .first()
            .map(|length| usize::from(*length))
            .filter(|length| *length > 0)
        {
            let child = rest
                .get(..length)
                .filter(|child| child.len() >= 34)
                .ok_or(IsoError::Damaged)?;
            rest = &rest[length..];
            let raw = child
                .get(33..33 + usize::from(child[32]))
                .ok_or(IsoError::Damaged)?;
            if matches!(raw, [0] | [1]) {
                continue; // The directory itself and its parent.
            }
            let name = name(raw, names)?;
            let path = if parent.is_empty() {
                name
            } else {
                format!("{parent}/{name}")
            };
            if entries.len() == MAX_ENTRIES {
                return Err(IsoError::Damaged);
            }
            if child[25] & DIRECTORY_FLAG == 0 {
                entries.push(Entry {
                    path,
                    content: Some(extent(image, child)?),
                });
            } else {
                entries.push(Entry {
                    path: path.clone(),
                    content: None,
                });
                walk(image, child, names, &path, entries)?;
            }
        }
    }
    Ok(())
}

/// The bytes that a record points to.
fn extent<'a>(image: &'a [u8], record: &[u8]) -> Result<&'a [u8], IsoError> {
    let number = |at: usize| {
        let field = record.get(at..).and_then(|rest| rest.first_chunk());
        field
            .and_then(|field| usize::try_from(u32::from_le_bytes(*field)).ok())
            .ok_or(IsoError::Damaged)
    };
    let start = number(2)?.checked_mul(BLOCK).ok_or(IsoError::Damaged)?;
    let rest = image.get(start..).ok_or(IsoError::Damaged)?;
    rest.get(..number(10)?).ok_or(IsoError::Damaged)
}

/// Without the version, `;1`, and with nothing that would lead out of the directory.
fn name(raw: &[u8], names: Names) -> Result<String, IsoError> {
    let text = match names {
        Names::Plain => String::from_utf8_lossy(raw).to_ascii_lowercase(),
        Names::Joliet => {
            let units = raw
                .as_chunks()
                .0
                .iter()
                .map(|unit| u16::from_be_bytes(*unit));
            String::from_utf16_lossy(&units.collect::<Vec<_>>())
        }
    };
    let text = text.split(';').next().unwrap_or_default();
    let text = if names == Names::Plain {
        text.trim_end_matches('.')
    } else {
        text
    };
    if text.is_empty() || text == "." || text == ".." || text.contains(['/', '\0']) {
        return Err(IsoError::Damaged);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::super::tests::{TREE, iso};
    use super::*;

    fn check(options: &[&str]) {
        let image = iso("config-2", options);
        let mut found: Vec<_> = read(&image)
            .unwrap()
            .into_iter()
            .filter_map(|entry| {
                Some((
                    entry.path,
                    String::from_utf8(entry.content?.to_vec()).unwrap(),
                ))
            })
            .collect();
        found.sort();
        let expected: Vec<_> = TREE
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.repeat(300)))
            .collect();
        assert_eq!(found, expected, "{options:?}");
    }

    #[test]
    fn what_genisoimage_makes_is_read_whole() {
        check(&["-J", "-r"]);
        check(&["-J"]);
        check(&[
            "-ldots",
            "-allow-lowercase",
            "-allow-multidot",
            "-l",
            "-J",
            "-r",
        ]);
        check(&[
            "-allow-lowercase",
            "-allow-multidot",
            "-l",
            "-relaxed-filenames",
        ]);
    }

    #[test]
    fn other_bytes_are_no_iso() {
        assert_eq!(read(&[]), Err(IsoError::NotIso));
        assert_eq!(read(&[0; 100_000]), Err(IsoError::NotIso));
    }

    proptest! {
        /// Damage anywhere gives an error or other files, and no panic.
        #[test]
        fn a_damaged_image_never_panics(damage in proptest::collection::vec((0usize..400_000, any::<u8>()), 1..20)) {
            static IMAGE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| iso("config-2", &["-J", "-r"]));
            let mut image = IMAGE.clone();
            for (at, value) in damage {
                // Most of the damage goes where the descriptors and directories are.
                let at = 0x8000 + at % (image.len() - 0x8000).min(40_000);
                image[at] = value;
            }
            drop(read(&image));
        }
    }
}
