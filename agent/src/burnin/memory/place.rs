//! Where a word of memory is: its physical address tells which module has to be replaced.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::ptr;

/// For each page of this process a word with the frame that it lies in: `Documentation/admin-guide/mm/pagemap.rst`.
const PAGE_MAP: &str = "/proc/self/pagemap";
/// The auxiliary vector: pairs of words, `getauxval(3)`.
const AUXILIARY: &str = "/proc/self/auxv";
const AT_PAGESZ: u64 = 6;
const PRESENT: u64 = 1 << 63;
const FRAME: u64 = (1 << 55) - 1;

/// The place of a word, in words.
pub(super) fn of(word: &u64) -> String {
    let address = ptr::from_ref(word).addr() as u64;
    match physical(address) {
        Some(physical) => format!("physical address {physical:#x}"),
        None => format!("an address of the agent's own, {address:#x}"),
    }
}

/// Not the same on all machines: those of ARM have 4, 16 or 64 KiB.
fn page_bytes() -> Option<u64> {
    let vector = fs::read(AUXILIARY).ok()?;
    let key = AT_PAGESZ.to_ne_bytes();
    let mut pairs = vector.chunks_exact(16);
    let pair = pairs.find(|pair| pair.starts_with(&key))?;
    let value = u64::from_ne_bytes(*pair.last_chunk()?);
    Some(value).filter(|bytes| bytes.is_power_of_two())
}

fn physical(address: u64) -> Option<u64> {
    let page_bytes = page_bytes()?;
    let file = File::open(PAGE_MAP).ok()?;
    let mut entry = [0; 8];
    file.read_exact_at(&mut entry, address / page_bytes * 8)
        .ok()?;
    let entry = u64::from_le_bytes(entry);
    // Who is not privileged sees no frame.
    let frame = Some(entry & FRAME).filter(|frame| *frame != 0 && entry & PRESENT != 0)?;
    Some(frame * page_bytes + address % page_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_as_large_as_the_kernel_says() {
        let said = crate::run::run("getconf", &["PAGESIZE"]).unwrap().stdout;
        let said = String::from_utf8(said).unwrap();
        assert_eq!(
            page_bytes().map(|bytes| bytes.to_string()).as_deref(),
            Some(said.trim())
        );
    }

    #[test]
    fn a_place_is_an_address() {
        let words = vec![1_u64; 4096];
        let (one, other) = (of(&words[0]), of(&words[1]));
        assert!(one.contains("address") && one.contains("0x"), "{one}");
        assert_ne!(one, other);
    }
}
