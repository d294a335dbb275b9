//! What stands on an EFI system partition, and what firmware keeps of boot entries, as foreign bytes.

use super::entries;
use super::loaders::{Found, Loader, choose};

const FOLDER: &str = "\\EFI\\debian";
const FALLBACK: &str = "\\EFI\\BOOT\\BOOTX64.EFI";

/// A description names a file beside it and a label that can be printed, or else the programs are taken as they are.
/// What it says is read again when it is written down.
pub(crate) fn boot_csv(bytes: &[u8]) {
    let loader = choose_by(bytes);
    let is_printed = |text: &str| !text.contains(char::is_control);
    assert!(is_printed(&loader.path) && is_printed(&loader.label) && !loader.label.is_empty());
    assert!(loader.label.len() <= 2 * bytes.len().max(4));
    if loader.path == FALLBACK {
        assert_eq!(loader.label, "ironic1");
        return;
    }
    let start = format!("{FOLDER}\\");
    let file = loader.path.strip_prefix(&start);
    let file = file.expect("the program is beside its description");
    // A blank keeps a byte order mark in the name from being taken for one of the text.
    let text = format!(" {file},{},,made up\r\n", loader.label);
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(choose_by(&units), loader);
}

fn choose_by(csv: &[u8]) -> Loader {
    let found = vec![
        Found {
            path: FALLBACK.to_owned(),
            csv: None,
        },
        Found {
            path: format!("{FOLDER}\\BOOTX64.CSV"),
            csv: Some(csv.to_vec()),
        },
    ];
    let mut chosen = choose(found);
    assert_eq!(chosen.len(), 1);
    chosen.remove(0)
}

/// What `efibootmgr` prints holds whatever firmware has; the numbers are given to that program again.
pub(crate) fn boot_entries(bytes: &[u8]) {
    for entry in entries::parse(bytes) {
        let is_digit = |byte: u8| byte.is_ascii_hexdigit();
        assert!(entry.number.len() == 4 && entry.number.bytes().all(is_digit));
        let has_line_end = |text: &str| text.contains('\n');
        assert!(!has_line_end(&entry.label) && !has_line_end(&entry.path));
        let line = format!("Boot{}* {}\t{}\n", entry.number, entry.label, entry.path);
        let again = entries::parse(line.as_bytes());
        assert_eq!(again, [entry]);
    }
}
