//! Memory: what the kernel manages, and what is plugged in.

use std::path::Path;

use ferric_agent_protocol::inventory::Memory;

use super::smbios::Smbios;
use crate::host::text;

const MIB: u64 = 1 << 20;

/// The firmware knows what is plugged in. Without its tables the kernel's memory blocks come nearest, and then what
/// it manages.
pub(super) fn read(proc: &Path, sys: &Path, smbios: &Smbios) -> Memory {
    let total = managed_bytes(proc);
    let installed = smbios.installed_mib().or_else(|| memory_blocks_mib(sys));
    Memory {
        total,
        physical_mb: installed.or(total.map(|bytes| bytes / MIB)),
    }
}

fn managed_bytes(proc: &Path) -> Option<u64> {
    let meminfo = text(&proc.join("meminfo"))?;
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

fn memory_blocks_mib(sys: &Path) -> Option<u64> {
    let directory = sys.join("devices/system/memory");
    let block_bytes = u64::from_str_radix(&text(&directory.join("block_size_bytes"))?, 16).ok()?;
    let is_online = |path: &Path| text(&path.join("state")).as_deref() == Some("online");
    let entries = std::fs::read_dir(directory).ok()?.flatten();
    let blocks = entries.filter(|entry| is_online(&entry.path())).count();
    let bytes = block_bytes.checked_mul(u64::try_from(blocks).ok()?)?;
    Some(bytes / MIB).filter(|mib| *mib > 0)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_best_source_that_is_there_is_used() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let read = || read(root, root, &Smbios::default());
        assert_eq!(
            read(),
            Memory {
                total: None,
                physical_mb: None
            }
        );
        fs::write(
            root.join("meminfo"),
            "MemTotal:        1000000 kB\nMemFree: 1 kB\n",
        )
        .unwrap();
        assert_eq!(
            read(),
            Memory {
                total: Some(1_024_000_000),
                physical_mb: Some(976)
            }
        );
        let memory = root.join("devices/system/memory");
        for block in 0..8 {
            let path = memory.join(format!("memory{block}"));
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("state"), "online\n").unwrap();
        }
        fs::write(memory.join("block_size_bytes"), "8000000\n").unwrap();
        assert_eq!(read().physical_mb, Some(1024));
    }
}
