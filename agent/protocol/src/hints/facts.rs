//! A disk as hints see it: the inventory's entry, and every serial number and WWN that its sources know.

use crate::inventory::Disk;

/// A disk with all its names. The kernel, udev and device mapper may know different serial numbers for one disk,
/// and a hint may name any of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskFacts {
    /// The inventory's entry.
    pub disk: Disk,
    /// Serial numbers besides `disk.serial`.
    pub other_serials: Vec<String>,
    /// World Wide Names besides `disk.wwn`.
    pub other_wwns: Vec<String>,
    /// Paths to the disk that are not listed beside it: what a hint says of one of them it says of the disk.
    pub paths: Vec<DiskFacts>,
}

impl DiskFacts {
    pub(crate) fn serials(&self) -> Vec<&str> {
        with_others(self.disk.serial.as_deref(), &self.other_serials)
    }

    pub(crate) fn wwns(&self) -> Vec<&str> {
        with_others(self.disk.wwn.as_deref(), &self.other_wwns)
    }
}

fn with_others<'a>(first: Option<&'a str>, others: &'a [String]) -> Vec<&'a str> {
    let others = others.iter().map(String::as_str);
    first.into_iter().chain(others).collect()
}

impl From<Disk> for DiskFacts {
    fn from(disk: Disk) -> Self {
        Self {
            disk,
            ..Self::default()
        }
    }
}
