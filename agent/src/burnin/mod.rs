//! Burning a machine in: processors, memory, disks and the network work hard for a time, and each result is checked.
//!
//! This agent does itself what Ironic's agent has stress-ng and fio for. The settings are those of the node's
//! `driver_info`, and all of them are read before anything begins. A fault ends the part that has it; the others go
//! on, so that all that is broken is found in one run.

mod cpu;
mod disk;
mod memory;
mod meter;
mod network;
mod report;
mod selftest;
mod settings;
#[cfg(test)]
mod testing;
mod threads;
mod workload;

use std::path::PathBuf;
use std::time::Duration;

use ferric_agent_protocol::node::Node;
use serde_json::Value;
use thiserror::Error;

use crate::disk::EraseError;
use crate::host::{Host, HostRefusal};
use crate::image::Stop;
use crate::progress::Progress;
pub use network::NetworkError;
use settings::Settings;

/// What is burned in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Cpu,
    Memory,
    Disk,
    Network,
}

impl Part {
    /// The name of the step.
    #[must_use]
    pub fn step(self) -> &'static str {
        match self {
            Self::Cpu => "burnin_cpu",
            Self::Memory => "burnin_memory",
            Self::Disk => "burnin_disk",
            Self::Network => "burnin_network",
        }
    }
}

#[derive(Debug, Error)]
pub enum BurninError {
    #[error(transparent)]
    Refused(#[from] HostRefusal),
    #[error(transparent)]
    Disks(#[from] EraseError),
    #[error("{name} in driver_info of the node is {value}; it must be {expected}")]
    Setting {
        name: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error(
        "there is no partner: agent_burnin_fio_network_config in driver_info of the node must have role \
         (writer or reader) and partner; pairing by agent_burnin_fio_network_pairing_backend_url is not supported"
    )]
    NoPartner,
    #[error("writing the report {path}")]
    Report {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "{wanted} MiB of memory cannot be tested: {available} MiB are free, and {kept} MiB of them are kept for the system"
    )]
    Memory {
        wanted: u64,
        available: u64,
        kept: u64,
    },
    #[error("{workers} threads at a time are more than the kernel gives")]
    Threads {
        workers: usize,
        #[source]
        source: std::io::Error,
    },
    #[error("{what}: {}", .faults.join("; "))]
    Faulty {
        what: &'static str,
        faults: Vec<String>,
    },
    #[error(transparent)]
    Network(#[from] NetworkError),
    #[error("the burn-in was cancelled")]
    Stopped,
}

/// How a burn-in is watched and ended.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    pub progress: Progress,
    pub stop: Stop,
}

impl Watch {
    /// The wish to end, between two things that take long.
    fn check(&self) -> Result<(), BurninError> {
        if self.stop.is_requested() {
            return Err(BurninError::Stopped);
        }
        Ok(())
    }
}

/// Burns a part of the machine in, and answers with what was done and measured.
///
/// # Errors
/// When a setting makes no sense, when this is not the agent's machine, and when a result was wrong.
pub fn burn_in(host: &Host, node: &Node, part: Part, watch: &Watch) -> Result<Value, BurninError> {
    let settings = Settings::of(node);
    match part {
        Part::Cpu => cpu::burn_in(host, &settings, watch),
        Part::Memory => memory::burn_in(host, &settings, watch),
        Part::Disk => disk::burn_in(host, node, &settings, watch),
        Part::Network => network::burn_in(host, &settings, watch),
    }
}

/// Whole seconds with a fraction, as results have them.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Bytes in a second.
fn rate(bytes: u64, time: Duration) -> u64 {
    let millis = time.as_millis().max(1);
    u64::try_from(u128::from(bytes) * 1000 / millis).unwrap_or(u64::MAX)
}
