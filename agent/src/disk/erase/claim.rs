//! Disks for whoever overwrites them for a reason of his own: they are opened and looked at as for an erasure.

use std::fs::File;
use std::io;

use ferric_agent_protocol::inventory::Disk;
use ferric_agent_protocol::node::Node;

use super::device::{Device, Opened};
use super::devices::{Found, Opening};
use super::knobs::Knobs;
use super::subject::{Bus, Subject, Sysfs};
use super::{EraseError, outcome};
use crate::disk::erasable_disks;
use crate::disk::partitions::rescan;
use crate::host::Host;

/// The disks that may be overwritten, and those that are left as they are, with the reason.
pub(crate) struct Claim {
    pub(crate) disks: Vec<Claimed>,
    pub(crate) left: Vec<(String, String)>,
}

/// A disk that is ours alone until this is dropped.
pub(crate) struct Claimed {
    subject: Subject,
    device: Opened,
}

/// Claims all disks but those on the node's skip list.
///
/// # Errors
/// Names every disk that is in use or carries what other machines may be using; then none is claimed.
pub(crate) fn claim(host: &Host, node: &Node) -> Result<Claim, EraseError> {
    let knobs = Knobs::of(Some(node))?;
    let sysfs = Sysfs::of_the_machine();
    let disks = erasable_disks(host, Some(node))?;
    let opening = Opening {
        host,
        knobs: &knobs,
        sysfs: &sysfs,
        disks: &disks,
    };
    let (mut claimed, mut left, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for disk in &disks {
        match opening.open(disk) {
            Ok(Found::Ready(ready)) => {
                let ready = *ready;
                claimed.push(Claimed {
                    subject: ready.subject,
                    device: ready.device,
                });
            }
            Ok(Found::Left(reason)) => left.push((disk.name.clone(), reason)),
            Err(error) => errors.push(error),
        }
    }
    outcome(errors)?;
    Ok(Claim {
        disks: claimed,
        left,
    })
}

impl Claimed {
    pub(crate) fn disk(&self) -> &Disk {
        &self.subject.disk
    }

    pub(crate) fn size(&self) -> u64 {
        self.subject.size
    }

    /// For commands of the drive's own; `None` where it takes none of them.
    pub(crate) fn drive(&self) -> Option<(Drive, &File)> {
        let drive = match self.subject.bus {
            Bus::Ata => Drive::Ata,
            Bus::Nvme(_) => Drive::Nvme,
            Bus::Other => return None,
        };
        Some((drive, self.device.disk.file()))
    }

    /// Reads as many bytes as there is room for.
    pub(crate) fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.device.read(offset, buffer)
    }

    /// Writes all bytes; few of all that were written are not on the disk yet.
    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.device.write(offset, bytes)
    }

    /// Everything written is on the disk, and what is read afterwards comes from there.
    pub(crate) fn settle(&self) -> io::Result<()> {
        self.device.settle()
    }

    /// Makes the kernel see that the partitions are gone.
    pub(crate) fn forget_partitions(&self) {
        if let Err(error) = rescan(&self.device.disk) {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "making the kernel forget the partitions of a disk");
        }
    }
}

/// Whose commands a drive takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drive {
    Ata,
    Nvme,
}
