//! One connection of a pair: sending for the time, or receiving until the partner ends. A partner that goes on long
//! after the own time, or that moves a byte now and then, is not waited for.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::super::BurninError;
use super::super::meter::Meter;
use super::NetworkError;
use super::wire::{BLOCK_BYTES, END, NUMBER_BYTES, Payload, SEED_BYTES, SUMMARY_BYTES, WORD};

/// Of one connection; a link that is broken would fill the log.
const MAX_LOGGED: u64 = 10;

/// A connection that ends with the time of its direction.
pub(super) struct Timed<'a> {
    stream: TcpStream,
    meter: &'a Meter,
    /// How long after that time the partner may still be at work.
    grace: Duration,
}

impl<'a> Timed<'a> {
    pub(super) fn new(stream: TcpStream, meter: &'a Meter, grace: Duration) -> Self {
        Self {
            stream,
            meter,
            grace,
        }
    }

    fn check(&self) -> io::Result<()> {
        if self.meter.over_by() <= self.grace {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "it was not done {} s after the time was over; \
             agent_burnin_fio_network_runtime must be the same on both nodes",
            self.grace.as_secs()
        )))
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.stream.read(buffer)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.check()?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// What arrived at the reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) bytes: u64,
    pub(super) wrong_blocks: u64,
}

/// Sends until the time is over; the answer is what the partner says has arrived.
pub(super) fn send(mut stream: Timed<'_>, partner: &str) -> Result<Received, BurninError> {
    let meter = stream.meter;
    let failed = |source| failed("sending to", partner, source);
    let seed: u64 = rand::random();
    let payload = Payload::new(seed);
    let mut greeting = WORD.to_vec();
    greeting.extend(seed.to_le_bytes());
    stream.write_all(&greeting).map_err(failed)?;
    let mut block = vec![0; NUMBER_BYTES + BLOCK_BYTES];
    let mut number: u64 = 0;
    while meter.goes_on() {
        block[..NUMBER_BYTES].copy_from_slice(&number.to_le_bytes());
        block[NUMBER_BYTES..].copy_from_slice(payload.block(number));
        stream.write_all(&block).map_err(failed)?;
        meter.count(BLOCK_BYTES as u64);
        number += 1;
    }
    stream.write_all(&END.to_le_bytes()).map_err(failed)?;
    let mut summary = [0; SUMMARY_BYTES];
    stream.read_exact(&mut summary).map_err(failed)?;
    let (bytes, wrong_blocks) = summary.split_at(8);
    let word = |bytes: &[u8]| {
        bytes
            .first_chunk()
            .map_or(0, |word| u64::from_le_bytes(*word))
    };
    Ok(Received {
        bytes: word(bytes),
        wrong_blocks: word(wrong_blocks),
    })
}

/// Receives and compares until the partner ends, and tells it what has arrived.
pub(super) fn receive(mut stream: Timed<'_>, partner: &str) -> Result<Received, BurninError> {
    let meter = stream.meter;
    let failed = |source| failed("receiving from", partner, source);
    let mut greeting = [0; WORD.len() + SEED_BYTES];
    stream.read_exact(&mut greeting).map_err(failed)?;
    let (word, seed) = greeting.split_at(WORD.len());
    let seed = seed.first_chunk().filter(|_| word == WORD);
    let Some(seed) = seed else {
        let partner = partner.to_owned();
        return Err(NetworkError::Foreign { partner }.into());
    };
    let payload = Payload::new(u64::from_le_bytes(*seed));
    let mut received = Received::default();
    let (mut number, mut block) = ([0; NUMBER_BYTES], vec![0; BLOCK_BYTES]);
    for expected in 0..END {
        stream.read_exact(&mut number).map_err(failed)?;
        if number == END.to_le_bytes() {
            break;
        }
        stream.read_exact(&mut block).map_err(failed)?;
        let is_right = number == expected.to_le_bytes() && block == payload.block(expected);
        if !is_right {
            if received.wrong_blocks < MAX_LOGGED {
                tracing::error!(
                    partner,
                    block = expected,
                    "a block arrived that was not sent so"
                );
            }
            received.wrong_blocks += 1;
        }
        received.bytes += BLOCK_BYTES as u64;
        meter.count(BLOCK_BYTES as u64);
        if meter.is_stopped() {
            return Err(BurninError::Stopped);
        }
    }
    let summary = [received.bytes, received.wrong_blocks].map(u64::to_le_bytes);
    stream.write_all(summary.as_flattened()).map_err(failed)?;
    Ok(received)
}

fn failed(action: &'static str, partner: &str, source: io::Error) -> BurninError {
    // What the kernel calls it would not tell anybody that the partner was silent.
    let source = match source.kind() {
        ErrorKind::WouldBlock => io::Error::other("nothing moved for a minute"),
        _ => source,
    };
    let partner = partner.to_owned();
    NetworkError::Stream {
        action,
        partner,
        source,
    }
    .into()
}
