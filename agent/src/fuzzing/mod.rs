//! What foreign bytes may do to the agent's parsers: be understood or be refused. Each check takes any bytes and panics
//! where a parser panics, runs on, or says what cannot be so.
//!
//! Fuzzers call them (`agent/fuzz/`), and a test with all that is in the fuzzers' corpora. No part of the agent itself.

mod hints;
mod lldp;

use crate::disk::{bootloader, config_drive, table};
use crate::image::qcow2;
use crate::{api, clock, config, inspection, ipmi, managers, mdns, media, networkd};

/// Takes any bytes.
pub type Check = fn(&[u8]);

/// All checks, by the names of the fuzzers and of the folders of their corpora.
pub const CHECKS: [(&str, Check); 19] = [
    ("boot_csv", bootloader::fuzzing::boot_csv),
    ("boot_entries", bootloader::fuzzing::boot_entries),
    ("command", api::fuzzing::command),
    ("config_drive", config_drive::fuzzing::config_drive),
    ("gpt", table::fuzzing::gpt),
    ("hints", hints::hints),
    ("ini", config::fuzzing::ini),
    ("ipmi", ipmi::fuzzing::ipmi),
    ("iso9660", media::fuzzing::iso9660),
    ("kernel_command_line", config::fuzzing::kernel_command_line),
    ("lldp", lldp::lldp),
    ("manager_answer", managers::fuzzing::manager_answer),
    ("mbr", table::fuzzing::mbr),
    ("mdns", mdns::fuzzing::mdns),
    ("network_data", networkd::fuzzing::network_data),
    ("qcow2", qcow2::fuzzing::qcow2),
    ("qcow2_cluster", qcow2::fuzzing::qcow2_cluster),
    ("smbios", inspection::dmi::fuzzing::smbios),
    ("sntp", clock::fuzzing::sntp),
];

/// Checks bytes with the check of this name.
///
/// # Panics
/// When the parser does, when it says what cannot be so, and when there is no such check.
pub fn check(name: &str, bytes: &[u8]) {
    let found = CHECKS.iter().find(|(own, _)| *own == name);
    let (_, check) = found.expect("a fuzzer has the name of its check");
    check(bytes);
}

#[cfg(test)]
mod tests;
