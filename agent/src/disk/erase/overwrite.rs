//! Writes a disk from its first to its last byte: passes of random bytes, then one of zeroes, as the conductor says.
//!
//! Zeroes go by the disk's own command where it has one. A pass is done in pieces, so that it is known how far it is
//! and it can be ended, and each pass is read back.

use ferric_agent_protocol::erase::{EraseMethod, EraseSample};

use super::method::{Done, Job, MethodError};
use super::pattern::{CHUNK_BYTES, Pattern};
use super::samples::Promise;

/// What one zeroing command covers.
const ZERO_PIECE_BYTES: u64 = 64 << 20;

pub(super) fn erase(job: &Job<'_>) -> Result<Done, MethodError> {
    let (random_passes, zeroed) = (job.knobs.random_passes, job.knobs.zeroes);
    let passes = u64::from(random_passes) + u64::from(zeroed);
    if passes == 0 {
        return Err(MethodError::NothingToWrite);
    }
    let total = job.subject.size.saturating_mul(passes);
    job.progress.total(total);
    let mut samples = Vec::new();
    if random_passes == 0 {
        // Where there were zeroes already, a disk that drops those that it is sent could not be told from a good one.
        job.samples.mark(job.device);
    }
    for _ in 0..random_passes {
        samples = write_random(job)?;
    }
    if zeroed {
        samples = write_zeroes(job)?;
    }
    job.progress.reached(total);
    Ok(Done {
        method: EraseMethod::Overwrite {
            random_passes,
            zeroed,
        },
        failed_before: Vec::new(),
        samples,
    })
}

fn write_random(job: &Job<'_>) -> Result<Vec<EraseSample>, MethodError> {
    let pattern = Pattern::draw();
    let mut bytes = vec![0; CHUNK_BYTES];
    in_pieces(job, CHUNK_BYTES as u64, |offset, length| {
        let bytes = &mut bytes[..index(length)];
        pattern.read(offset, bytes);
        write(job, offset, bytes)
    })?;
    job.samples.check(job.device, &Promise::Random(&pattern))
}

fn write_zeroes(job: &Job<'_>) -> Result<Vec<EraseSample>, MethodError> {
    let mut has_command = true;
    // Nothing of it is ever written, so that it is no memory but the one page of zeroes that all share.
    let zeroes = vec![0; CHUNK_BYTES];
    in_pieces(job, ZERO_PIECE_BYTES, |offset, length| {
        if has_command {
            match job.device.zero(offset, length) {
                Ok(()) => return Ok(()),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "zeroing by command; writing zeroes");
                    has_command = false;
                }
            }
        }
        let mut done = 0;
        while done < length {
            job.check_stop()?;
            let step = (length - done).min(zeroes.len() as u64);
            write(job, offset + done, &zeroes[..index(step)])?;
            done += step;
        }
        Ok(())
    })?;
    job.samples.check(job.device, &Promise::Zeroes)
}

/// Goes over the whole disk; each piece counts when it is done.
fn in_pieces(
    job: &Job<'_>,
    piece_bytes: u64,
    mut piece: impl FnMut(u64, u64) -> Result<(), MethodError>,
) -> Result<(), MethodError> {
    let size = job.subject.size;
    let mut offset = 0;
    while offset < size {
        job.check_stop()?;
        let length = piece_bytes.min(size - offset);
        piece(offset, length)?;
        job.progress.written(length);
        offset += length;
    }
    Ok(())
}

fn write(job: &Job<'_>, offset: u64, bytes: &[u8]) -> Result<(), MethodError> {
    let written = job.device.write(offset, bytes);
    written.map_err(|source| MethodError::Io {
        action: "overwriting",
        offset,
        source,
    })
}

/// A length of at most a chunk.
fn index(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
