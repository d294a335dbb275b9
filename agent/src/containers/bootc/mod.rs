//! A system that is installed from a container image, by the program `bootc` within it.
//!
//! The image is pulled before, so that no secret of a registry is there any more when code of the image runs: it runs
//! with all rights and sees the whole ramdisk.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use thiserror::Error;
use uuid::Uuid;

use super::{PULL_TIME, RunnerProgram, is_image};
use crate::disk::config_drive::{self, ConfigDrive, ConfigDriveError};
use crate::disk::open::OpenDisk;
use crate::disk::partitions::{of as table_error, read_table, rescan};
use crate::disk::storage::Storage;
use crate::disk::table::Table;
use crate::disk::{DiskError, TableError};
use crate::host::{DevicePermit, SystemPermit};
use crate::run::{Limits, Output, RunError, run, run_until};

const INSTALL_TIME: Duration = Duration::from_secs(6 * 3600);
/// What is left for the EFI system partition and the config drive.
const LEFT_MIB: u64 = 768;
const NO_PIVOT_ROOT: &str = "[engine]\nno_pivot_root = true\n";
/// How files with a secret are called.
const SECRET: &str = "ferric-registry";
/// For a registry that is busy. What a podman older than 5 says of it follows; that one tries again at its own pace.
const RETRY_DELAY: &str = "--retry-delay=5s";
const NO_RETRY_DELAY: &str = "unknown flag: --retry-delay";
const NO_BOOTC: &str = "executable file `bootc` not found";

#[derive(Debug, Error)]
pub enum BootcError {
    #[error("image_source must be the name of a container image, not {0:?}")]
    Image(String),
    #[error("the secret for the registry is not base64 of a text")]
    Secret,
    #[error("{path} has {bytes} bytes, too few for a system that is installed by bootc")]
    TooSmall { path: PathBuf, bytes: u64 },
    #[error("writing {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("pulling the container image {image}")]
    Pull {
        image: String,
        #[source]
        source: RunError,
    },
    #[error("the container image {0} has no program bootc, and so it cannot be installed")]
    NoBootc(String),
    #[error("installing the container image {image}")]
    Install {
        image: String,
        #[source]
        source: RunError,
    },
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    ConfigDrive(#[from] ConfigDriveError),
}

impl BootcError {
    /// Whether code of the image was at the disk already when [`Bootc::install`] failed so.
    #[must_use]
    pub fn has_touched_the_disk(&self) -> bool {
        matches!(self, Self::Install { .. })
    }
}

/// What is installed.
#[derive(Clone)]
pub struct Bootc {
    image: String,
    registry: String,
    secret: Option<String>,
    authorized_keys: Option<String>,
    tpm2_luks: bool,
}

/// Where files for podman go.
#[derive(Clone, Debug)]
pub struct Places {
    /// Podman's configuration.
    pub configuration: PathBuf,
    /// For the secret, which no container is shown.
    pub secret: PathBuf,
    /// A directory that ramdisk and container have at the same place.
    pub shared: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            configuration: "/etc/containers/containers.conf.d".into(),
            secret: "/run".into(),
            shared: "/tmp".into(),
        }
    }
}

impl Bootc {
    /// # Errors
    /// When the image's name or the secret makes no sense.
    pub fn new(image_source: &str, pull_secret: Option<&str>) -> Result<Self, BootcError> {
        let (_, name) = image_source.split_once("://").unwrap_or(("", image_source));
        let name = name.split(['?', '#']).next().unwrap_or_default();
        if !is_image(name) {
            return Err(BootcError::Image(image_source.to_owned()));
        }
        let registry = name.split('/').next().unwrap_or_default();
        let secret = pull_secret
            .filter(|secret| !secret.is_empty())
            .map(|secret| {
                let decoded = STANDARD.decode(secret.trim()).ok();
                let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
                text.ok_or(BootcError::Secret)
            });
        Ok(Self {
            image: name.to_owned(),
            registry: registry.to_owned(),
            secret: secret.transpose()?,
            authorized_keys: None,
            tpm2_luks: false,
        })
    }

    /// With what the node's `instance_info` says of it.
    #[must_use]
    pub fn with(self, instance_info: &Map<String, Value>) -> Self {
        let keys = instance_info.get("bootc_authorized_keys");
        let luks = instance_info.get("bootc_tpm2_luks");
        let is_true = |value: &Value| match value {
            Value::Bool(flag) => *flag,
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        };
        Self {
            authorized_keys: keys.and_then(Value::as_str).map(str::to_owned),
            tpm2_luks: luks.is_some_and(is_true),
            ..self
        }
    }

    /// Pulls the image and lets it install itself to the disk.
    ///
    /// # Errors
    /// When podman or the image does not do its part.
    pub fn install(
        &self,
        _permit: &SystemPermit,
        device: &DevicePermit,
        podman: &RunnerProgram,
        places: &Places,
    ) -> Result<(), BootcError> {
        let disk = OpenDisk::open(device)?;
        let (path, bytes) = (disk.path.clone(), disk.size);
        drop(disk);
        let root_mib = (bytes >> 20).checked_sub(LEFT_MIB).filter(|size| *size > 0);
        let root_mib = root_mib.ok_or_else(|| BootcError::TooSmall {
            path: path.clone(),
            bytes,
        })?;
        write_configuration(&places.configuration)?;
        remove_secrets(&places.secret)?;
        self.pull(podman, &places.secret)?;
        let keys = self
            .authorized_keys
            .as_deref()
            .filter(|keys| !keys.is_empty());
        let keys = keys.map(|keys| TemporaryFile::write(&places.shared, "ferric-keys", keys));
        let keys = keys.transpose()?;
        let arguments = self.arguments(root_mib, &path, keys.as_ref(), has_selinux());
        let limits = Limits {
            time: INSTALL_TIME,
            ..Limits::default()
        };
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match run_until(&podman.program, &arguments, limits, &podman.stop) {
            Ok(output) if lacks_bootc(&output) => Err(BootcError::NoBootc(self.image.clone())),
            Ok(_) => Ok(()),
            Err(RunError::Failed { stderr, .. }) if stderr.contains(NO_BOOTC) => {
                Err(BootcError::NoBootc(self.image.clone()))
            }
            Err(source) => Err(BootcError::Install {
                image: self.image.clone(),
                source,
            }),
        }
    }

    /// The secret is a file for as long as that takes.
    fn pull(&self, podman: &RunnerProgram, place: &Path) -> Result<(), BootcError> {
        let secret = self.secret.as_ref().map(|secret| {
            let auth = json!({"auths": {(self.registry.as_str()): {"auth": secret}}});
            TemporaryFile::write(place, SECRET, &auth.to_string())
        });
        let secret = secret.transpose()?;
        let mut options = Vec::new();
        if let Some(file) = &secret {
            options.push(format!("--authfile={}", file.0.display()));
        }
        let pull = |options: &[String]| podman.run("pull", options, &self.image, PULL_TIME);
        let mut pulled = pull(&[&options[..], &[RETRY_DELAY.to_owned()]].concat());
        if let Err(RunError::Failed { stderr, .. }) = &pulled
            && stderr.contains(NO_RETRY_DELAY)
        {
            pulled = pull(&options);
        }
        pulled.map_err(|source| BootcError::Pull {
            image: self.image.clone(),
            source,
        })
    }

    /// As Ironic's agent has them, word by word.
    fn arguments(
        &self,
        root_mib: u64,
        device: &Path,
        keys: Option<&TemporaryFile>,
        selinux: Selinux,
    ) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let mut add = |words: &[&str]| all.extend(words.iter().map(|word| (*word).to_owned()));
        add(&[
            "--log-level=debug",
            "run",
            "--rm",
            "--privileged",
            "--pid=host",
        ]);
        add(&[
            "--pull=never",
            "-v",
            "/var/lib/containers:/var/lib/containers",
        ]);
        add(&["-v", "/dev:/dev"]);
        if let Some(directory) = keys.and_then(TemporaryFile::directory) {
            add(&["-v", &format!("{directory}:{directory}")]);
        }
        if selinux == Selinux::Active {
            add(&["--security-opt", "label=type:unconfined_t"]);
        }
        add(&[&self.image, "bootc", "install", "to-disk"]);
        add(&[
            "--wipe",
            "--skip-fetch-check",
            &format!("--root-size={root_mib}M"),
        ]);
        if self.tpm2_luks {
            add(&["--block-setup=tpm2-luks"]);
        }
        if let Some(file) = keys {
            add(&[&format!("--root-ssh-authorized-keys={}", file.0.display())]);
        }
        if selinux == Selinux::Inactive {
            add(&["--disable-selinux"]);
        }
        add(&[&device.to_string_lossy()]);
        all
    }
}

/// Whether the ramdisk runs with SELinux: only then can a system with it be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Selinux {
    Active,
    Inactive,
}

fn has_selinux() -> Selinux {
    let mode = run("getenforce", &[]).map(|output| output.stdout);
    let is_active =
        |mode: &Vec<u8>| mode.starts_with(b"Enforcing") || mode.starts_with(b"Permissive");
    match mode {
        Ok(mode) if is_active(&mode) => Selinux::Active,
        _ => Selinux::Inactive,
    }
}

fn lacks_bootc(output: &Output) -> bool {
    let says = |text: &[u8]| String::from_utf8_lossy(text).contains(NO_BOOTC);
    says(&output.stdout) || says(&output.stderr)
}

/// The root of a ramdisk cannot be pivoted.
fn write_configuration(directory: &Path) -> Result<(), BootcError> {
    let path = directory.join("01-ipa.conf");
    let written = fs::create_dir_all(directory).and_then(|()| fs::write(&path, NO_PIVOT_ROOT));
    written.map_err(|source| BootcError::Write { path, source })
}

/// Those that an agent has left behind that was killed while it pulled.
fn remove_secrets(directory: &Path) -> Result<(), BootcError> {
    let names = crate::host::names(directory).into_iter();
    for name in names.filter(|name| name.starts_with(SECRET)) {
        let path = directory.join(name);
        fs::remove_file(&path).map_err(|source| BootcError::Write { path, source })?;
    }
    Ok(())
}

/// A file that only this user reads, and that goes with its owner.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn write(directory: &Path, name: &str, text: &str) -> Result<Self, BootcError> {
        let path = directory.join(format!("{name}-{}", Uuid::new_v4()));
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        let failed = |source| BootcError::Write {
            path: path.clone(),
            source,
        };
        let mut file = file.map_err(failed)?;
        let temporary = Self(path.clone());
        file.write_all(text.as_bytes()).map_err(failed)?;
        Ok(temporary)
    }

    fn directory(&self) -> Option<String> {
        Some(self.0.parent()?.display().to_string())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            let error = &error as &dyn std::error::Error;
            tracing::error!(path = ?self.0, error, "removing a temporary file");
        }
    }
}

/// After the installation: there must be partitions, and the config drive gets one.
///
/// # Errors
/// When the disk has no partition table, or no room for the config drive.
pub(crate) fn complete(
    device: &DevicePermit,
    drive: Option<&ConfigDrive>,
) -> Result<(), BootcError> {
    let disk = OpenDisk::open(device)?;
    let mut table = read_table(&disk)?;
    let refused = |source: TableError| table_error(&disk.path, source);
    table.partitions().map_err(refused)?;
    let Some(drive) = drive else {
        return Ok(rescan(&disk)?);
    };
    let shape = disk.shape();
    if let Table::Gpt(gpt) = &mut table {
        gpt.span(shape.sectors()).map_err(refused)?;
    }
    let mut storage = disk.file();
    let place = config_drive::place(&mut storage, &shape, &mut table, drive)?;
    let written = table
        .changes()
        .into_iter()
        .try_for_each(|change| storage.write_all_at(&change.bytes, change.offset));
    let written = written.and_then(|()| storage.settle());
    written.map_err(|source| BootcError::Write {
        path: disk.path.clone(),
        source,
    })?;
    rescan(&disk)?;
    Ok(config_drive::wait_for_node(&disk, place.number)?)
}

#[cfg(test)]
mod tests;
