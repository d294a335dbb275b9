//! What `efibootmgr -v` prints.

/// A boot entry of the firmware.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Four hexadecimal digits.
    pub(super) number: String,
    pub(super) label: String,
    /// The device path, and what the firmware keeps behind it.
    pub(super) path: String,
}

/// Reads the entries. Some firmware has labels that make the output UTF-16, and bytes that are no text at all.
pub(super) fn parse(output: &[u8]) -> Vec<Entry> {
    text(output).lines().filter_map(entry).collect()
}

fn text(output: &[u8]) -> String {
    let is_utf16 = output.starts_with(&[0xff, 0xfe]) || output.get(1) == Some(&0);
    if !is_utf16 {
        return String::from_utf8_lossy(output).into_owned();
    }
    let units = output
        .as_chunks()
        .0
        .iter()
        .map(|unit| u16::from_le_bytes(*unit));
    String::from_utf16_lossy(&units.skip_while(|unit| *unit == 0xfeff).collect::<Vec<_>>())
}

/// `Boot0001* label<tab>path`; the star says that the entry is active.
fn entry(line: &str) -> Option<Entry> {
    let rest = line.strip_prefix("Boot")?;
    let number = rest.get(..4)?;
    if !number.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let label = rest[4..].strip_prefix(['*', ' '])?.trim_start_matches(' ');
    let (label, path) = label.split_once('\t').unwrap_or((label, ""));
    Some(Entry {
        number: number.to_owned(),
        label: label.trim_end().to_owned(),
        path: path.trim_end().to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "BootCurrent: 0003\nTimeout: 1 seconds\nBootOrder: 0003,0001,000A\n\
        Boot0001* ironic1\tHD(1,GPT,6f1c,0x800,0x100000)/File(\\EFI\\BOOT\\BOOTX64.EFI)\n\
        Boot0003  UEFI PXEv4 (MAC:525400000001)\tPciRoot(0x0)\n\
        Boot000A* debian \tHD(2)\nMirroredPercentageAbove4G: 0.00\nBootXYZW* no\n";

    fn check(output: &[u8]) {
        let found: Vec<_> = parse(output)
            .into_iter()
            .map(|entry| (entry.number, entry.label))
            .collect();
        let expected = [
            ("0001", "ironic1"),
            ("0003", "UEFI PXEv4 (MAC:525400000001)"),
            ("000A", "debian"),
        ];
        assert_eq!(
            found,
            expected.map(|(number, label)| (number.to_owned(), label.to_owned()))
        );
    }

    #[test]
    fn entries_are_read_in_every_encoding() {
        check(OUTPUT.as_bytes());
        let utf16: Vec<u8> = OUTPUT.encode_utf16().flat_map(u16::to_le_bytes).collect();
        check(&utf16);
        check(&[&[0xff, 0xfe], utf16.as_slice()].concat());
        let mut junk = OUTPUT.as_bytes().to_vec();
        junk.extend(b"Boot0005* \xff\xfe\xfa junk\n");
        let entries = parse(&junk);
        assert_eq!((entries.len(), entries[3].number.as_str()), (4, "0005"));
    }

    #[test]
    fn the_path_follows_the_label() {
        let paths: Vec<_> = parse(OUTPUT.as_bytes())
            .into_iter()
            .map(|entry| entry.path)
            .collect();
        let expected = [
            "HD(1,GPT,6f1c,0x800,0x100000)/File(\\EFI\\BOOT\\BOOTX64.EFI)",
            "PciRoot(0x0)",
            "HD(2)",
        ];
        assert_eq!(paths, expected);
        assert_eq!(parse(b"Boot0007* bare\n")[0].path, "");
    }

    #[test]
    fn nothing_is_found_in_nothing() {
        assert_eq!(parse(b""), []);
        assert_eq!(parse(b"\0"), []);
    }
}
