//! What can go wrong with software RAID.

use std::path::PathBuf;

use ferric_agent_protocol::hints::HintError;
use thiserror::Error;

use super::config::RaidConfigError;
use super::layout::PlanError;
use crate::disk::{DiskError, EraseError};
use crate::host::HostRefusal;
use crate::run::RunError;

#[derive(Debug, Error)]
pub enum RaidError {
    #[error(transparent)]
    Refused(#[from] HostRefusal),
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(transparent)]
    Erase(#[from] EraseError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Hints(#[from] HintError),
    #[error(transparent)]
    Config(#[from] RaidConfigError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(
        "there are partitions on {disks}; run raid.delete_configuration or deploy.erase_devices_metadata before"
    )]
    Partitions { disks: String },
    #[error(
        "the kernel shows no partitions of {path}, as of multipath maps and other mappings, so that no RAID volume can be made of it"
    )]
    NotShown { path: PathBuf },
    #[error("the kernel does not show partition {number} of {path}")]
    NoNode { path: PathBuf, number: u32 },
    #[error("the kernel does not show the RAID volume {device} that mdadm has made")]
    NoVolume { device: PathBuf },
    #[error(
        "skip_block_devices keeps the volume {kept}, and beside a volume that is kept no other is made; missing are: {missing}"
    )]
    BesideKept { kept: String, missing: String },
    #[error("RAID volumes are still there after they were deleted twice: {volumes}")]
    Remaining { volumes: String },
    #[error(
        "{path} has no GPT, so it cannot get an EFI system partition; create the RAID configuration again, for UEFI"
    )]
    NoGpt { path: PathBuf },
}
