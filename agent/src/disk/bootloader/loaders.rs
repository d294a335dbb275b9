//! Which files are boot loaders, and what their boot entries are called. Pure.

use std::cmp::Reverse;

/// Files that describe boot entries, made by shim for this purpose; the first found wins alone.
const CSV_NAMES: [&str; 3] = ["bootx64.csv", "bootaa64.csv", "boot.csv"];

/// Programs that the firmware can start; grubx64.efi is not among them, as shim starts it.
const LOADER_NAMES: [&str; 10] = [
    "bootx64.efi",
    "bootaa64.efi",
    "bootia32.efi",
    "bootia64.efi",
    "bootarm.efi",
    "bootriscv32.efi",
    "bootriscv64.efi",
    "bootriscv128.efi",
    "grubaa64.efi",
    "winload.efi",
];

/// More entries than any image needs; the firmware has little room for them.
const MAX_LOADERS: usize = 20;
/// Of what a description says.
const MAX_LABEL_LETTERS: usize = 128;
const MAX_PATH_LETTERS: usize = 512;

/// A file on the EFI system partition.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: String,
    /// The content, when it is one of the describing files.
    pub(super) csv: Option<Vec<u8>>,
}

/// A boot entry to make.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Loader {
    pub(super) path: String,
    pub(super) label: String,
}

pub(super) fn is_csv(name: &str) -> bool {
    CSV_NAMES.contains(&name.to_ascii_lowercase().as_str())
}

pub(super) fn is_loader(name: &str) -> bool {
    LOADER_NAMES.contains(&name.to_ascii_lowercase().as_str())
}

/// The entries to make, the preferred one first.
pub(super) fn choose(mut found: Vec<Found>) -> Vec<Loader> {
    found.sort_by_cached_key(|file| {
        (
            Reverse(is_for_this_machine(&file.path)),
            file.path.to_ascii_lowercase(),
        )
    });
    let described = found
        .iter()
        .find_map(|file| described(&file.path, file.csv.as_deref()?));
    if let Some(loader) = described {
        return vec![loader];
    }
    let programs = found.into_iter().filter(|file| file.csv.is_none());
    (1..)
        .zip(programs.take(MAX_LOADERS))
        .map(|(index, file)| Loader {
            path: file.path,
            label: format!("ironic{index}"),
        })
        .collect()
}

fn is_for_this_machine(path: &str) -> bool {
    let suffix = if cfg!(target_arch = "aarch64") {
        "aa64."
    } else {
        "x64."
    };
    path.to_ascii_lowercase()
        .rsplit('\\')
        .next()
        .is_some_and(|name| name.contains(suffix))
}

/// `shimx64.efi,debian,,This is the boot entry for debian` in UTF-16, with or without a byte order mark. The file
/// stands beside the description.
fn described(path: &str, csv: &[u8]) -> Option<Loader> {
    let big_endian = csv.starts_with(&[0xfe, 0xff]);
    let unit = |bytes: &[u8; 2]| {
        if big_endian {
            u16::from_be_bytes(*bytes)
        } else {
            u16::from_le_bytes(*bytes)
        }
    };
    let units: Vec<u16> = csv
        .as_chunks()
        .0
        .iter()
        .map(unit)
        .skip_while(|unit| *unit == 0xfeff)
        .collect();
    let text = String::from_utf16(&units).ok()?;
    let mut fields = text.lines().next()?.split(',');
    let (file, label) = (fields.next()?.trim(), fields.next()?.trim());
    let (directory, _) = path.rsplit_once('\\')?;
    let is_sound = |text: &str, most: usize| {
        (1..=most).contains(&text.chars().count())
            && !text.contains(|letter: char| letter.is_control())
    };
    let fits = is_sound(file, MAX_PATH_LETTERS) && is_sound(label, MAX_LABEL_LETTERS);
    fits.then(|| Loader {
        path: format!("{directory}\\{file}"),
        label: label.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn check(files: &[(&str, Option<Vec<u8>>)], expected: &[(&str, &str)]) {
        let found = files
            .iter()
            .map(|(path, csv)| Found {
                path: (*path).to_owned(),
                csv: csv.clone(),
            })
            .collect();
        let loaders: Vec<_> = choose(found)
            .into_iter()
            .map(|loader| (loader.path, loader.label))
            .collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(path, label)| ((*path).to_owned(), (*label).to_owned()))
            .collect();
        assert_eq!(loaders, expected);
    }

    #[test]
    fn a_description_wins_alone_whatever_its_encoding() {
        let line = "shimx64.efi,debian,,This is the boot entry for debian";
        for csv in [
            utf16(line),
            [vec![0xff, 0xfe], utf16(line)].concat(),
            utf16(&format!("{line}\r\n")),
        ] {
            check(
                &[
                    ("\\EFI\\BOOT\\BOOTX64.EFI", None),
                    ("\\EFI\\debian\\BOOTX64.CSV", Some(csv)),
                ],
                &[("\\EFI\\debian\\shimx64.efi", "debian")],
            );
        }
    }

    #[test]
    fn without_a_sound_description_every_loader_gets_an_entry() {
        check(
            &[
                ("\\EFI\\BOOT\\BOOTIA32.EFI", None),
                ("\\EFI\\BOOT\\BOOTX64.EFI", None),
                ("\\EFI\\x\\BOOT.CSV", Some(utf16(",,"))),
                ("\\EFI\\y\\BOOT.CSV", Some(b"plain text".to_vec())),
            ],
            &[
                ("\\EFI\\BOOT\\BOOTX64.EFI", "ironic1"),
                ("\\EFI\\BOOT\\BOOTIA32.EFI", "ironic2"),
            ],
        );
        check(&[], &[]);
    }

    #[test]
    fn an_image_cannot_fill_the_firmware_with_entries() {
        let long = "x".repeat(MAX_LABEL_LETTERS + 1);
        let fitting = "x".repeat(MAX_LABEL_LETTERS);
        let csv = |label: &str| Some(utf16(&format!("a.efi,{label},,")));
        check(&[("\\EFI\\BOOT.CSV", csv(&long))], &[]);
        check(
            &[("\\EFI\\BOOT.CSV", csv(&fitting))],
            &[("\\EFI\\a.efi", fitting.as_str())],
        );
        let program = |number: usize| Found {
            path: format!("\\{number:04}\\BOOTX64.EFI"),
            csv: None,
        };
        let loaders = choose((0..1000).map(program).collect());
        assert_eq!(loaders.len(), MAX_LOADERS);
        assert_eq!(loaders[0].path, "\\0000\\BOOTX64.EFI");
    }

    #[test]
    fn names_are_known_in_every_case() {
        assert!(is_csv("BootX64.CSV") && is_loader("BOOTX64.efi") && is_loader("winload.EFI"));
        assert!(!is_csv("other.csv") && !is_loader("grubx64.efi") && !is_loader("mmx64.efi"));
    }
}
