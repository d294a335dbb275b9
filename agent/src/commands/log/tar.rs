//! Writes the entries of a tar archive: small files with short names, no more. POSIX.1-1988 (ustar).

const BLOCK: usize = 512;

/// Two empty blocks end an archive.
pub(super) const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// A file as its header and its content, padded to whole blocks. The name must have less than 100 bytes.
pub(super) fn entry(name: &str, content: &[u8]) -> Vec<u8> {
    debug_assert!(name.len() < 100, "{name} is too long for a tar header");
    let mut bytes = vec![0; BLOCK];
    let mut put = |offset: usize, text: &str| {
        bytes[offset..offset + text.len()].copy_from_slice(text.as_bytes());
    };
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    // The checksum counts its own field as blanks.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let checksum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    bytes[148..155].copy_from_slice(format!("{checksum:06o}\0").as_bytes());
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_whole_blocks() {
        assert_eq!(entry("a", b"").len(), 512);
        assert_eq!(entry("a", b"x").len(), 1024);
        assert_eq!(entry("a", &[1; 512]).len(), 1024);
    }
}
