//! What goes into the bundle.

use std::time::Duration;

/// A program whose output is kept under a name.
pub(super) struct Source {
    pub(super) name: &'static str,
    pub(super) program: &'static str,
    pub(super) arguments: &'static [&'static str],
    pub(super) time: Duration,
    pub(super) max_bytes: u64,
}

pub(super) const COMMANDS: &[Source] = &[
    Source {
        name: "journal",
        program: "journalctl",
        arguments: &[
            "--no-pager",
            "--boot",
            "--lines=10000",
            "--output=short-precise",
        ],
        time: Duration::from_secs(20),
        max_bytes: 8 << 20,
    },
    small("dmesg", "dmesg", &[]),
    small("df", "df", &["-a"]),
    small("mount", "cat", &["/proc/self/mounts"]),
    small("cmdline", "cat", &["/proc/cmdline"]),
    small("ip_addr", "ip", &["addr"]),
    small("ip_route", "ip", &["route", "show", "table", "all"]),
    small("lsblk", "lsblk", &["--all"]),
    small(
        "lsblk-full",
        "lsblk",
        &["--all", "--bytes", "--output-all", "--pairs"],
    ),
    small("mdstat", "cat", &["/proc/mdstat"]),
    small("efibootmgr", "efibootmgr", &["-v"]),
    small("ps", "ps", &["auxww"]),
    small("meminfo", "cat", &["/proc/meminfo"]),
];

const fn small(
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
) -> Source {
    Source {
        name,
        program,
        arguments,
        time: Duration::from_secs(5),
        max_bytes: 1 << 20,
    }
}
