//! The network: a pair of machines sends each other bytes that both know, first the writer, then the reader.
//!
//! The pair and its roles stand in `driver_info` of both nodes. The reader connects and checks each block; what it
//! found it tells the writer, so that a fault fails the step on both.

mod counters;
mod meeting;
mod stream;
mod wire;

use std::io;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;

use super::meter::Meter;
use super::report::Report;
use super::settings::{Settings, senseless};
use super::{BurninError, Watch, rate, seconds};
use crate::host::Host;
use meeting::Partner;
use stream::{Received, Timed};

/// As fio has them in Ironic's agent.
const PORT: u16 = 9000;
const CONNECTIONS: usize = 16;
const SIX_HOURS_S: u64 = 21600;
/// The partner may have other steps before this one.
const A_DAY_S: u64 = 86400;
/// After the first direction both are there.
const SWAP_TIME: Duration = Duration::from_mins(5);
/// Both measure the time of a direction themselves, and what is on its way then has to arrive.
const GRACE: Duration = Duration::from_mins(5);

#[derive(Debug, Error)]
pub enum NetworkError {
    #[error("listening on port {port}")]
    Listen {
        port: u16,
        #[source]
        source: io::Error,
    },
    #[error("the partner {partner} did not connect within {seconds} s")]
    Silent { partner: String, seconds: u64 },
    #[error("the partner {partner} could not be reached within {seconds} s: {last}")]
    Unreachable {
        partner: String,
        seconds: u64,
        last: String,
    },
    #[error("{action} the partner {partner}")]
    Stream {
        action: &'static str,
        partner: String,
        #[source]
        source: io::Error,
    },
    #[error("the partner {partner} speaks another language: is it a burn-in of this agent, too?")]
    Foreign { partner: String },
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Writer,
    Reader,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Reader => "reader",
        }
    }

    fn phase(self) -> &'static str {
        match self {
            Self::Writer => "sending to the partner",
            Self::Reader => "receiving from the partner",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Writer => Self::Reader,
            Self::Reader => Self::Writer,
        }
    }
}

/// What the node's settings say of the pair.
#[derive(Debug, PartialEq, Eq)]
struct Pair {
    role: Role,
    partner: String,
}

impl Pair {
    fn of(settings: &Settings<'_>) -> Result<Self, BurninError> {
        const NAME: &str = "agent_burnin_fio_network_config";
        let value = settings.value(NAME).ok_or(BurninError::NoPartner)?;
        // Some clients send an object as its text.
        let parsed = value
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok());
        let config = parsed.as_ref().unwrap_or(value);
        let text = |key: &str| config.get(key)?.as_str();
        let role = match text("role") {
            Some("writer") => Some(Role::Writer),
            Some("reader") => Some(Role::Reader),
            _ => None,
        };
        let is_name = |name: &&str| {
            let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b".:_-%".contains(&byte);
            !name.is_empty() && name.bytes().all(is_letter)
        };
        let partner = text("partner").filter(is_name).map(str::to_owned);
        let expected = "an object with role (writer or reader) and partner (a name or an address)";
        let pair = role.zip(partner);
        let (role, partner) = pair.ok_or_else(|| senseless(NAME, value, expected))?;
        Ok(Self { role, partner })
    }
}

/// Both directions of a pair.
struct Run<'a> {
    partner: Partner,
    connections: usize,
    runtime: Duration,
    /// How long the partner is waited for at the beginning.
    patience: Duration,
    /// How long after the time of a direction the partner may still be at work.
    grace: Duration,
    watch: &'a Watch,
}

pub(super) fn burn_in(
    host: &Host,
    settings: &Settings<'_>,
    watch: &Watch,
) -> Result<Value, BurninError> {
    host.permits_system()?;
    let pair = Pair::of(settings)?;
    let run = Run {
        partner: Partner {
            name: pair.partner,
            port: PORT,
        },
        connections: CONNECTIONS,
        runtime: settings.time("agent_burnin_fio_network_runtime", SIX_HOURS_S)?,
        patience: settings.time("agent_burnin_fio_network_pairing_timeout", A_DAY_S)?,
        grace: GRACE,
        watch,
    };
    let file = settings.file("agent_burnin_fio_network_outputfile")?;
    let roles = [pair.role, pair.role.other()];
    let report = |role| Report::create(host, file.as_deref().map(|path| named(path, role)));
    let reports = [report(roles[0])?, report(roles[1])?];
    let before = counters::read(host.tree());
    let mut result = json!({"partner": run.partner.name});
    for ((role, report), patience) in roles
        .into_iter()
        .zip(reports)
        .zip([run.patience, SWAP_TIME])
    {
        let direction = run.direction(role, patience)?;
        report.write(&direction)?;
        result[role.name()] = direction;
    }
    result["interface_errors"] = counters::growth(&before, &counters::read(host.tree()));
    Ok(result)
}

/// Each role has a file of its own, with its name at the end.
fn named(path: &Path, role: Role) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(role.name());
    name.into()
}

impl Run<'_> {
    /// One direction, from meeting the partner to the count that both agree on.
    fn direction(&self, role: Role, patience: Duration) -> Result<Value, BurninError> {
        let stop = &self.watch.stop;
        self.watch.progress.phase("waiting for the partner");
        let connections = match role {
            Role::Writer => self.partner.accept(self.connections, patience, stop),
            Role::Reader => self.partner.connect(self.connections, patience, stop),
        }?;
        // What the watch counts is of both directions.
        let meter = Meter::begin(self.watch, role.phase(), self.runtime);
        let meter = &meter;
        let ended: Vec<Result<Received, BurninError>> = std::thread::scope(|scope| {
            let threads: Vec<_> = connections
                .into_iter()
                .map(|stream| {
                    let stream = Timed::new(stream, meter, self.grace);
                    scope.spawn(move || match role {
                        Role::Writer => stream::send(stream, &self.partner.name),
                        Role::Reader => stream::receive(stream, &self.partner.name),
                    })
                })
                .collect();
            let ended = threads.into_iter();
            ended
                .map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        });
        self.watch.check()?;
        let mut all = Received::default();
        for received in ended {
            let received = received?;
            all.bytes += received.bytes;
            all.wrong_blocks += received.wrong_blocks;
        }
        if all.wrong_blocks > 0 {
            let fault = format!(
                "{} blocks of the {} from {} were wrong",
                all.wrong_blocks,
                all.bytes / wire::BLOCK_BYTES as u64,
                match role {
                    Role::Writer => "this machine",
                    Role::Reader => self.partner.name.as_str(),
                }
            );
            return Err(BurninError::Faulty {
                what: "the network changed what was sent",
                faults: vec![fault],
            });
        }
        let elapsed = meter.elapsed();
        Ok(json!({
            "connections": self.connections,
            "seconds": seconds(elapsed),
            "bytes": all.bytes,
            "bytes_per_second": rate(all.bytes, elapsed),
            "wrong_blocks": 0,
        }))
    }
}

#[cfg(test)]
mod tests;
