//! Sets the machine's clock to the time of an NTP server, without any program: a clock that is wrong by years makes
//! certificates look invalid. Only in the ramdisk; on an ordinary host the clock is somebody else's.

mod client;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod packet;

use std::io;
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_settime};
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::host::{Host, HostRefusal, SystemPermit};
use crate::run::{Limits, run_within};
pub use client::NtpError;
pub use packet::PacketError;

use client::measure;

const NTP_PORT: u16 = 123;
const ANSWER_WAIT: Duration = Duration::from_secs(2);
/// How long all attempts may take together.
const LIMIT: Duration = Duration::from_secs(30);
const HARDWARE_CLOCK_LIMIT: Duration = Duration::from_secs(10);

/// Why the clock is as it was.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    #[error(transparent)]
    Refused(#[from] HostRefusal),
    #[error("resolving the NTP server {0}")]
    Resolve(String, #[source] io::Error),
    #[error("the NTP server {0} has no address")]
    NoAddress(String),
    #[error("asking the NTP server {0}")]
    Ask(String, #[source] NtpError),
    #[error("the NTP server {0} did not answer within {seconds} s", seconds = LIMIT.as_secs())]
    TooSlow(String),
    #[error("the NTP server {0} tells a time that no clock can have")]
    OutOfRange(String),
    #[error("setting the clock")]
    Set(#[source] nix::Error),
}

/// Asks the server for the time and sets the clock to it at once, however far away it is.
///
/// # Errors
/// When the host is not ours, nobody answers, or the kernel does not take the time.
pub async fn synchronise(host: &Host, server: &str) -> Result<(), ClockError> {
    let permit = host.permits_system()?;
    let named = || server.to_owned();
    let asked = timeout(LIMIT, ask(server)).await;
    let offset_ns = asked.map_err(|_| ClockError::TooSlow(named()))??;
    let now = moved(Timestamp::now(), offset_ns).ok_or_else(|| ClockError::OutOfRange(named()))?;
    set(&permit, now).map_err(ClockError::Set)?;
    let offset_ms = offset_ns / 1_000_000;
    tracing::info!(server, offset_ms = %offset_ms, "the clock has been set");
    Ok(())
}

/// Writes the time to the hardware's clock, so that the system that boots next has it.
pub fn save_to_hardware(_permit: &SystemPermit) {
    let limits = Limits {
        time: HARDWARE_CLOCK_LIMIT,
        ..Limits::default()
    };
    if let Err(error) = run_within("hwclock", &["--systohc", "--utc"], limits) {
        let error = &error as &dyn std::error::Error;
        tracing::warn!(error, "the hardware's clock stays as it is");
    }
}

/// How far the clock is behind the server's.
async fn ask(server: &str) -> Result<i128, ClockError> {
    let found = lookup_host((server, NTP_PORT)).await;
    let found = found.map_err(|error| ClockError::Resolve(server.to_owned(), error))?;
    let mut last = ClockError::NoAddress(server.to_owned());
    for address in found {
        match measure(address, ANSWER_WAIT, Timestamp::now).await {
            Ok(offset_ns) => return Ok(offset_ns),
            Err(error) => last = ClockError::Ask(server.to_owned(), error),
        }
    }
    Err(last)
}

/// Since 1970, where that can be told to the kernel.
fn moved(now: Timestamp, offset_ns: i128) -> Option<Duration> {
    let then = now.as_nanosecond().checked_add(offset_ns)?;
    let then = u64::try_from(then).ok()?;
    Some(Duration::from_nanos(then))
}

fn set(_permit: &SystemPermit, since_1970: Duration) -> nix::Result<()> {
    clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::from_duration(since_1970))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_by_the_offset() {
        let now = Timestamp::from_second(1_000).unwrap();
        let moved_by = |seconds: i128| moved(now, seconds * 1_000_000_000);
        assert_eq!(moved_by(5), Some(Duration::from_secs(1_005)));
        assert_eq!(moved_by(-5), Some(Duration::from_secs(995)));
        assert_eq!(moved_by(-1_001), None);
        assert_eq!(moved(now, i128::MAX), None);
    }

    /// Refused before anybody is asked: the server does not exist.
    #[tokio::test]
    async fn the_clock_of_an_ordinary_host_is_left_alone() {
        let host = Host::detect(&[]).unwrap();
        let error = synchronise(&host, "no-such-server.invalid")
            .await
            .unwrap_err();
        assert!(matches!(error, ClockError::Refused(_)), "{error}");
    }
}
