//! Where the kernel shows what the machine is: `/proc`, `/sys` and `/dev`. In tests a recorded tree stands in their
//! place.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder that has `proc`, `sys` and `dev`.
#[derive(Clone, Debug)]
pub struct Tree(PathBuf);

impl Tree {
    pub(super) fn of_the_machine() -> Self {
        Self(PathBuf::from("/"))
    }

    #[cfg(test)]
    pub(crate) fn below(root: &Path) -> Self {
        Self(root.to_owned())
    }

    /// A path below the folder, such as `sys/class/net`.
    #[must_use]
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.0.join(relative)
    }

    /// Where the node of a device is that is called by its path, such as `/dev/sda`.
    pub(crate) fn node(&self, device: &Path) -> PathBuf {
        self.0.join(device.strip_prefix("/").unwrap_or(device))
    }

    /// The text of a file without the blanks around it; `None` if there is none.
    pub(crate) fn text(&self, relative: impl AsRef<Path>) -> Option<String> {
        text(&self.path(relative))
    }
}

/// The text of a file without the blanks and zeroes around it; `None` if there is none.
#[must_use]
pub(crate) fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// The names in a folder, sorted as people count: `cpu2` before `cpu10`. Empty if there is no such folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_by_cached_key(|name| counting_key(name));
    names
}

fn counting_key(name: &str) -> (String, u64, String) {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let (word, rest) = name.split_at(name.find(is_digit).unwrap_or(name.len()));
    let digits = rest.find(|letter| !is_digit(letter)).unwrap_or(rest.len());
    let number = rest[..digits].parse().unwrap_or(0);
    (word.to_owned(), number, rest[digits..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_people_count() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["cpu10", "cpu9", "cpu", "sda", "nvme0n2", "nvme0n1"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let expected = ["cpu", "cpu9", "cpu10", "nvme0n1", "nvme0n2", "sda"];
        assert_eq!(names(folder.path()), expected);
        assert!(names(&folder.path().join("none")).is_empty());
    }
}
