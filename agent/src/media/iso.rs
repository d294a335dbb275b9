//! The files of one directory of an ISO 9660 file system of any size, with the names of Joliet or of Rock Ridge.
//!
//! Unlike a config drive, which is read whole, this may be the CD that the machine was booted from. It is foreign:
//! every offset is checked, and every loop is bounded.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::{Content, MAX_FILE_BYTES, MAX_FILES, damaged};

const BLOCK: u64 = 2048;
const BLOCK_BYTES: usize = 2048;
const FIRST_DESCRIPTOR: u64 = 16;
const MAX_DESCRIPTORS: u64 = 32;
const MAX_DIRECTORY_BYTES: u64 = 1 << 20;
/// Areas that a name of Rock Ridge may go on in.
const MAX_CONTINUATIONS: usize = 8;
const DIRECTORY_FLAG: u8 = 2;

/// Where bytes are.
#[derive(Clone, Copy)]
struct Extent {
    start: u64,
    length: u64,
}

/// An entry of a directory.
struct Record {
    name: String,
    extent: Extent,
    is_directory: bool,
}

struct Iso<'a> {
    file: &'a File,
    root: Extent,
    is_joliet: bool,
}

pub(super) fn files_in(
    file: &File,
    directory: &str,
    wanted: &dyn Fn(&str) -> bool,
) -> io::Result<Vec<Content>> {
    let iso = Iso::open(file)?;
    let Some(directory) = iso.directory(directory)? else {
        return Ok(Vec::new());
    };
    let mut files = Vec::new();
    for record in iso.records(directory)? {
        if record.is_directory || !wanted(&record.name) {
            continue;
        }
        if files.len() == MAX_FILES {
            return Err(damaged("there are too many files"));
        }
        if record.extent.length > MAX_FILE_BYTES {
            return Err(damaged("a file is too large"));
        }
        files.push((record.name, iso.bytes(record.extent)?));
    }
    Ok(files)
}

impl<'a> Iso<'a> {
    fn open(file: &'a File) -> io::Result<Self> {
        let mut plain = None;
        for block in FIRST_DESCRIPTOR..FIRST_DESCRIPTOR + MAX_DESCRIPTORS {
            let mut descriptor = [0; BLOCK_BYTES];
            file.read_exact_at(&mut descriptor, block * BLOCK)?;
            if &descriptor[1..6] != b"CD001" {
                return Err(damaged("a volume descriptor has no mark"));
            }
            let is_joliet = matches!(&descriptor[88..91], b"%/@" | b"%/C" | b"%/E");
            let root = || extent(&descriptor[156..190]);
            match descriptor[0] {
                1 => plain = Some(root()?),
                2 if is_joliet => {
                    let root = root()?;
                    return Ok(Self {
                        file,
                        root,
                        is_joliet,
                    });
                }
                255 => break,
                _ => {}
            }
        }
        let root = plain.ok_or_else(|| damaged("there is no primary volume descriptor"))?;
        Ok(Self {
            file,
            root,
            is_joliet: false,
        })
    }

    /// By its path with `/` between the parts; the root for an empty one.
    fn directory(&self, path: &str) -> io::Result<Option<Extent>> {
        let mut found = self.root;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let records = self.records(found)?;
            let is_it =
                |record: &&Record| record.is_directory && record.name.eq_ignore_ascii_case(part);
            match records.iter().find(is_it) {
                Some(record) => found = record.extent,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    fn records(&self, directory: Extent) -> io::Result<Vec<Record>> {
        if directory.length > MAX_DIRECTORY_BYTES {
            return Err(damaged("a directory is too large"));
        }
        let bytes = self.bytes(directory)?;
        let mut records = Vec::new();
        // A record never crosses a block; the rest of a block is zero.
        for block in bytes.chunks(BLOCK_BYTES) {
            let mut rest = block;
            while let Some(length) = rest.first().filter(|length| **length > 0) {
                let record = rest.get(..usize::from(*length));
                let record = record.ok_or_else(|| damaged("a directory entry is cut off"))?;
                rest = &rest[record.len()..];
                records.extend(self.record(record)?);
            }
        }
        Ok(records)
    }

    /// `None` for the directory itself and its parent.
    fn record(&self, record: &[u8]) -> io::Result<Option<Record>> {
        let cut_off = || damaged("a directory entry is cut off");
        let name_length = usize::from(*record.get(32).ok_or_else(cut_off)?);
        let raw = record.get(33..33 + name_length).ok_or_else(cut_off)?;
        if matches!(raw, [0] | [1]) {
            return Ok(None);
        }
        // A name of even length is filled up.
        let system_use = 33 + name_length + (name_length + 1) % 2;
        let name = if self.is_joliet {
            joliet_name(raw)
        } else {
            let rest = record.get(system_use..).unwrap_or_default();
            let rock_ridge = self.rock_ridge_name(rest)?;
            rock_ridge.unwrap_or_else(|| plain_name(raw))
        };
        Ok(Some(Record {
            name,
            extent: extent(record)?,
            is_directory: record[25] & DIRECTORY_FLAG != 0,
        }))
    }

    /// From the fields `NM`, which `CE` may lead to: IEEE P1281 and P1282.
    fn rock_ridge_name(&self, system_use: &[u8]) -> io::Result<Option<String>> {
        let mut name = Vec::new();
        let mut area = system_use.to_vec();
        for _ in 0..MAX_CONTINUATIONS {
            let mut continuation = None;
            let mut rest = area.as_slice();
            while let [first, second, length, ..] = rest {
                let Some(data) = rest.get(4..usize::from(*length)) else {
                    break;
                };
                match [*first, *second] {
                    [b'N', b'M'] => name.extend_from_slice(data.get(1..).unwrap_or_default()),
                    [b'C', b'E'] => continuation = Some(continued(data)?),
                    [b'S', b'T'] => break,
                    _ => {}
                }
                rest = &rest[4 + data.len()..];
            }
            let Some(extent) = continuation else { break };
            area = self.bytes(extent)?;
        }
        Ok((!name.is_empty()).then(|| String::from_utf8_lossy(&name).into_owned()))
    }

    fn bytes(&self, extent: Extent) -> io::Result<Vec<u8>> {
        let length = usize::try_from(extent.length).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, extent.start)?;
        Ok(bytes)
    }
}

/// Numbers are stored twice; the first one is little-endian.
fn number(bytes: &[u8], at: usize) -> io::Result<u64> {
    let field = bytes.get(at..).and_then(|rest| rest.first_chunk());
    let field = field.ok_or_else(|| damaged("a directory entry is cut off"))?;
    Ok(u64::from(u32::from_le_bytes(*field)))
}

/// What a directory's entry points to.
fn extent(record: &[u8]) -> io::Result<Extent> {
    Ok(Extent {
        start: number(record, 2)? * BLOCK,
        length: number(record, 10)?,
    })
}

/// Where a field `CE` leads to: block, offset in it, length.
fn continued(data: &[u8]) -> io::Result<Extent> {
    let length = number(data, 16)?;
    if length > BLOCK {
        return Err(damaged("a continuation is too large"));
    }
    Ok(Extent {
        start: number(data, 0)? * BLOCK + number(data, 8)?,
        length,
    })
}

fn joliet_name(raw: &[u8]) -> String {
    let units = raw.as_chunks().0.iter();
    let units: Vec<u16> = units.map(|unit| u16::from_be_bytes(*unit)).collect();
    without_version(&String::from_utf16_lossy(&units)).to_owned()
}

fn plain_name(raw: &[u8]) -> String {
    let name = String::from_utf8_lossy(raw).to_ascii_lowercase();
    without_version(&name).trim_end_matches('.').to_owned()
}

/// `NAME.EXT;1`
fn without_version(name: &str) -> &str {
    name.split_once(';').map_or(name, |(name, _)| name)
}
