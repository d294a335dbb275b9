//! Where the partitions of a partition image lie. Pure: the same wishes give the same places, which is what keeps an
//! ephemeral partition where it is when the instance is rebuilt.

use ferric_agent_protocol::boot::{BootMode, DiskLabel};
use thiserror::Error;
use uuid::Uuid;

use super::spec::PartitionSpec;
use crate::disk::config_drive;
use crate::disk::open::Shape;
use crate::disk::table::{Entry, Gpt, Mark, Mbr, Partition, Table, TableError};

const MIB: u64 = 1 << 20;
const ESP_MIB: u64 = 550;
/// Where GRUB lies on a GPT under BIOS.
const BIOS_BOOT_MIB: u64 = 1;

const ESP: Uuid = Uuid::from_u128(0xc12a_7328_f81f_11d2_ba4b_00a0_c93e_c93b);
const BIOS_BOOT: Uuid = Uuid::from_u128(0x2168_6148_6449_6e6f_744e_6565_6445_4649);
const LINUX: Uuid = Uuid::from_u128(0x0fc6_3daf_8483_4772_8e79_3d69_d847_7de4);
const SWAP: Uuid = Uuid::from_u128(0x0657_fd6d_a4ab_43c4_84e5_0933_c84b_4f4f);
const MBR_LINUX: u8 = 0x83;
const MBR_SWAP: u8 = 0x82;

#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "the partitions need {needed_mib} MiB, and {limit_mib} MiB of the disk can be used; choose a larger disk by \
     properties.root_device, or a smaller root_gb, ephemeral_gb or swap_mb"
)]
pub struct NoRoom {
    needed_mib: u64,
    limit_mib: u64,
}

/// What a partition is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Esp,
    BiosBoot,
    Ephemeral,
    Swap,
    ConfigDrive,
    Root,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) role: Role,
    pub(super) partition: Partition,
}

impl Role {
    /// The name that Ironic's agent has for it in `partitions`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Esp => "efi system partition",
            Self::BiosBoot => "BIOS Boot partition",
            Self::Ephemeral => "ephemeral",
            Self::Swap => "swap",
            Self::ConfigDrive => "configdrive",
            Self::Root => "root",
        }
    }

    fn kind(self) -> Uuid {
        match self {
            Self::Esp => ESP,
            Self::BiosBoot => BIOS_BOOT,
            Self::Swap => SWAP,
            Self::Ephemeral | Self::ConfigDrive | Self::Root => LINUX,
        }
    }
}

/// Whether there is a config drive to make room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drive {
    Wanted,
    None,
}

/// The partitions in their order on the disk; the root comes last, so that it can be grown.
pub(super) fn plan(
    spec: &PartitionSpec,
    disk: &Shape,
    drive: Drive,
) -> Result<Vec<Placed>, NoRoom> {
    let boot = match (spec.mode, spec.label) {
        (BootMode::Uefi, _) => (Role::Esp, ESP_MIB),
        (BootMode::Bios, DiskLabel::Gpt) => (Role::BiosBoot, BIOS_BOOT_MIB),
        (BootMode::Bios, DiskLabel::Msdos) => (Role::BiosBoot, 0),
    };
    let drive_mib = match drive {
        Drive::Wanted => config_drive::MIB,
        Drive::None => 0,
    };
    let wanted = [
        boot,
        (Role::Ephemeral, spec.ephemeral_mib),
        (Role::Swap, spec.swap_mib),
        (Role::ConfigDrive, drive_mib),
        (Role::Root, spec.root_mib),
    ];
    let sectors_in_mib = MIB / u64::from(disk.sector_bytes);
    let mut start_mib = 1;
    let mut placed = Vec::new();
    for ((role, mib), number) in wanted.into_iter().filter(|(_, mib)| *mib > 0).zip(1..) {
        let end_mib = start_mib + mib;
        let partition = Partition {
            number,
            first: start_mib * sectors_in_mib,
            last: end_mib * sectors_in_mib - 1,
        };
        placed.push(Placed { role, partition });
        start_mib = end_mib;
    }
    // The last MiB has the second copy of a GPT.
    let limit_mib = (disk.size / MIB).saturating_sub(1);
    if start_mib > limit_mib {
        return Err(NoRoom {
            needed_mib: start_mib,
            limit_mib,
        });
    }
    Ok(placed)
}

/// The table with these partitions.
pub(super) fn table(
    placed: &[Placed],
    label: DiskLabel,
    disk: &Shape,
) -> Result<Table, TableError> {
    match label {
        DiskLabel::Gpt => {
            let mut gpt = Gpt::create(disk.sectors(), disk.sector_bytes, Uuid::new_v4())?;
            for Placed { role, partition } in placed {
                gpt.add(Entry {
                    first: partition.first,
                    last: partition.last,
                    kind: role.kind(),
                    id: Uuid::new_v4(),
                    name: role.name(),
                })?;
            }
            Ok(Table::Gpt(gpt))
        }
        DiskLabel::Msdos => {
            let mut mbr = Mbr::create(rand::random());
            for Placed { role, partition } in placed {
                let (kind, mark) = match role {
                    Role::Swap => (MBR_SWAP, Mark::Plain),
                    Role::Root => (MBR_LINUX, Mark::Active),
                    _ => (MBR_LINUX, Mark::Plain),
                };
                mbr.add(partition.first, partition.last, kind, mark)?;
            }
            Ok(Table::Mbr(mbr))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::spec::Ephemeral;
    use super::*;

    fn disk(gib: u64, sector_bytes: u32) -> Shape {
        Shape {
            path: PathBuf::from("/dev/sda"),
            size: gib << 30,
            sector_bytes,
        }
    }

    fn spec(mode: BootMode, label: DiskLabel, sizes_mib: (u64, u64, u64)) -> PartitionSpec {
        PartitionSpec {
            ephemeral_mib: sizes_mib.0,
            swap_mib: sizes_mib.1,
            root_mib: sizes_mib.2,
            ephemeral_format: "ext4".to_owned(),
            ephemeral: Ephemeral::Made,
            mode,
            label,
        }
    }

    fn check(spec: &PartitionSpec, drive: Drive, expected: &[&str]) {
        for sector_bytes in [512, 4096] {
            let disk = disk(10, sector_bytes);
            let placed = plan(spec, &disk, drive).unwrap();
            let mib = |sector: u64| sector * u64::from(sector_bytes) / MIB;
            let told: Vec<_> = placed
                .iter()
                .map(|Placed { role, partition }| {
                    let (first, end) = (mib(partition.first), mib(partition.last + 1));
                    format!("{} {} {first}-{end}", partition.number, role.name())
                })
                .collect();
            assert_eq!(told, expected);
            let table = table(&placed, spec.label, &disk).unwrap();
            let partitions: Vec<_> = placed.iter().map(|one| one.partition).collect();
            assert_eq!(table.partitions().unwrap(), partitions);
        }
    }

    #[test]
    fn the_root_comes_last_and_what_boots_first() {
        let all = (1024, 512, 4096);
        check(
            &spec(BootMode::Uefi, DiskLabel::Gpt, all),
            Drive::Wanted,
            &[
                "1 efi system partition 1-551",
                "2 ephemeral 551-1575",
                "3 swap 1575-2087",
                "4 configdrive 2087-2151",
                "5 root 2151-6247",
            ],
        );
        check(
            &spec(BootMode::Bios, DiskLabel::Gpt, (0, 0, 4096)),
            Drive::None,
            &["1 BIOS Boot partition 1-2", "2 root 2-4098"],
        );
        check(
            &spec(BootMode::Bios, DiskLabel::Msdos, all),
            Drive::Wanted,
            &[
                "1 ephemeral 1-1025",
                "2 swap 1025-1537",
                "3 configdrive 1537-1601",
                "4 root 1601-5697",
            ],
        );
    }

    #[test]
    fn partitions_that_do_not_fit_are_refused() {
        let spec = spec(BootMode::Bios, DiskLabel::Msdos, (0, 0, 10240));
        let error = plan(&spec, &disk(10, 512), Drive::None).unwrap_err();
        assert_eq!((error.needed_mib, error.limit_mib), (10241, 10239));
    }
}
