//! Where a word of memory is: its physical address tells which module has to be replaced.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::ptr;

/// For each page of this process a word with the frame that it lies in: `Documentation/admin-guide/mm/pagemap.rst`.
const PAGE_MAP: &str = "/proc/self/pagemap";
const PAGE_BYTES: u64 = 4096;
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

fn physical(address: u64) -> Option<u64> {
    let file = File::open(PAGE_MAP).ok()?;
    let mut entry = [0; 8];
    file.read_exact_at(&mut entry, address / PAGE_BYTES * 8)
        .ok()?;
    let entry = u64::from_le_bytes(entry);
    // Who is not privileged sees no frame.
    let frame = Some(entry & FRAME).filter(|frame| *frame != 0 && entry & PRESENT != 0)?;
    Some(frame * PAGE_BYTES + address % PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_address() {
        let words = vec![1_u64; 4096];
        let (one, other) = (of(&words[0]), of(&words[1]));
        assert!(one.contains("address") && one.contains("0x"), "{one}");
        assert_ne!(one, other);
    }
}
