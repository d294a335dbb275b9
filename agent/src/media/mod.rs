//! What a BMC shows as a CD or a USB stick to the machine that boots from it: parameters, and files of configuration.
//!
//! File systems are read here and not mounted: the kernel's parsers see no foreign bytes, nothing stays mounted after
//! a crash, and a mounted USB stick would look like a disk in use. On an ordinary host no device is opened.

mod device;
mod fat;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod iso;

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::disk::config_drive::find;
use crate::disk::settle::settle;
use crate::host::{Host, HostRefusal, SystemPermit};
use device::Medium;

/// The label of a medium with parameters, and the file on it.
const PARAMETERS_LABEL: &str = "ir-vfd-dev";
const PARAMETERS_FILE: &str = "parameters.txt";
/// Labels of media with configuration; the first one counts.
const CONFIGURATION_LABELS: [&str; 2] = ["config-2", "vmedia_boot_iso"];
const CONFIGURATION_DIRECTORIES: [&str; 2] =
    ["etc/ironic-python-agent", "etc/ironic-python-agent.d"];

/// What a medium with configuration says of the machine's networks.
const NETWORK_DIRECTORY: &str = "openstack/latest";
const NETWORK_FILE: &str = "network_data.json";

/// Files of configuration are small; larger ones are something else.
const MAX_FILE_BYTES: u64 = 1 << 20;
const MAX_FILES: usize = 1000;

/// The media of this machine. Only who may change the running system has them.
#[derive(Debug)]
pub struct VirtualMedia {
    sysfs_block: PathBuf,
    devices: PathBuf,
    /// Where files of configuration go.
    root: PathBuf,
    _permit: Option<SystemPermit>,
}

/// Why a medium that is there is of no use.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    #[error("looking for virtual media in {0}")]
    List(PathBuf, #[source] io::Error),
    #[error("reading the virtual medium {0}")]
    Read(PathBuf, #[source] io::Error),
    #[error("the virtual medium {0} is neither an ISO 9660 nor a FAT file system")]
    Unknown(PathBuf),
    #[error("writing {0}, which a virtual medium brought")]
    Write(PathBuf, #[source] io::Error),
}

/// A file of a medium: its name, and what is in it.
type Content = (String, Vec<u8>);

impl VirtualMedia {
    /// The media of this machine.
    ///
    /// # Errors
    /// Anywhere but in the ramdisk.
    pub fn of(host: &Host) -> Result<Self, HostRefusal> {
        Ok(Self {
            sysfs_block: "/sys/class/block".into(),
            devices: "/dev".into(),
            root: "/".into(),
            _permit: Some(host.permits_system()?),
        })
    }

    /// The parameters that a conductor has put on a medium, in the form of a kernel command line; `None` if there is no
    /// such medium. One that calls itself virtual in its model is taken where none has the label.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub fn parameters(&self) -> Result<Option<String>, MediaError> {
        settle();
        let media = self.media()?;
        let labelled = media
            .iter()
            .find(|medium| medium.is_labelled(PARAMETERS_LABEL));
        let by_model = || media.iter().find(|medium| medium.is_virtual_by_model);
        let Some(medium) = labelled.or_else(by_model) else {
            return Ok(None);
        };
        text_of(medium, "", PARAMETERS_FILE)
    }

    /// Copies the files of configuration of a medium to the places that they have on it, where the settings and what
    /// they name are looked for. Answers with the places.
    ///
    /// # Errors
    /// When a medium with configuration cannot be read, or there is no room.
    pub fn copy_configuration(&self) -> Result<Vec<PathBuf>, MediaError> {
        let Some(medium) = self.with_configuration()? else {
            return Ok(Vec::new());
        };
        let mut written = Vec::new();
        for directory in CONFIGURATION_DIRECTORIES {
            for (name, content) in files_in(&medium, directory, &|_| true)? {
                let path = self.root.join(directory).join(name);
                write(&path, &content).map_err(|error| MediaError::Write(path.clone(), error))?;
                written.push(path);
            }
        }
        Ok(written)
    }

    /// What a medium with configuration says of the machine's networks, as JSON.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn network_data(&self) -> Result<Option<String>, MediaError> {
        let Some(medium) = self.with_configuration()? else {
            return Ok(None);
        };
        text_of(&medium, NETWORK_DIRECTORY, NETWORK_FILE)
    }

    fn with_configuration(&self) -> Result<Option<Medium>, MediaError> {
        let media = self.media()?;
        let with_label = |label: &&str| media.iter().position(|medium| medium.is_labelled(label));
        let found = CONFIGURATION_LABELS.iter().find_map(with_label);
        Ok(found.and_then(|index| media.into_iter().nth(index)))
    }

    fn media(&self) -> Result<Vec<Medium>, MediaError> {
        device::list(&self.sysfs_block, &self.devices)
            .map_err(|error| MediaError::List(self.sysfs_block.clone(), error))
    }
}

/// Private: there may be keys among the files.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path)?.write_all(content)
}

fn text_of(medium: &Medium, directory: &str, file: &str) -> Result<Option<String>, MediaError> {
    let is_it = |name: &str| name.eq_ignore_ascii_case(file);
    let found = files_in(medium, directory, &is_it)?.into_iter().next();
    Ok(found.map(|(_, content)| String::from_utf8_lossy(&content).into_owned()))
}

/// The files in one directory, without those below it; none if there is no such directory.
fn files_in(
    medium: &Medium,
    directory: &str,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Content>, MediaError> {
    let failed = |error| MediaError::Read(medium.path.clone(), error);
    let file = File::open(&medium.path).map_err(failed)?;
    let probe = device::beginning(&file).map_err(failed)?;
    let read = if find::is_iso(&probe) {
        iso::files_in(&file, directory, wanted)
    } else if find::label(&probe).is_some() {
        fat::files_in(&file, medium.size_bytes, directory, wanted)
    } else {
        return Err(MediaError::Unknown(medium.path.clone()));
    };
    let mut files = read.map_err(failed)?;
    files.retain(|(name, _)| is_plain(name));
    Ok(files)
}

/// A name that leads nowhere else.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\0'])
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
pub(crate) mod tests;
