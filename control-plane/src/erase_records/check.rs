//! Whether a record of a disk makes sense: it is bounded, and what was read back lies on the disk and is what its method
//! leaves behind. Times need not be in order: a clock that is set back says nothing against the erasure.

use ferric_agent_protocol::erase::{
    EraseFound, EraseMethod, EraseOutcome, EraseRecord, EraseSample,
};

/// In characters, of what a disk says of itself.
const NAME_LIMIT: usize = 255;
/// In characters, of a reason or of what failed before.
const SENTENCE_LIMIT: usize = 4000;
const FAILURES_LIMIT: usize = 32;
/// The agent reads 34 places.
const SAMPLES_LIMIT: usize = 1024;

/// # Errors
/// What is wrong with it, as a sentence.
pub(crate) fn check(record: &EraseRecord) -> Result<(), String> {
    let EraseRecord {
        device,
        serial,
        model,
        wwn,
        ..
    } = record;
    if !device.starts_with("/dev/") {
        return Err("its device is not in /dev".to_owned());
    }
    let names = [
        ("device", Some(device)),
        ("serial", serial.as_ref()),
        ("model", model.as_ref()),
        ("wwn", wwn.as_ref()),
    ];
    for (field, name) in names {
        bounded(field, name.map_or("", String::as_str), NAME_LIMIT)?;
    }
    match &record.outcome {
        EraseOutcome::Skipped { reason } => bounded("reason", reason, SENTENCE_LIMIT),
        EraseOutcome::Erased {
            method,
            failed_before,
            sample_bytes,
            samples,
        } => {
            at_most("failed_before", failed_before.len(), FAILURES_LIMIT)?;
            for failure in failed_before {
                bounded("failed_before", failure, SENTENCE_LIMIT)?;
            }
            check_method(*method)?;
            check_samples(*method, (record.size_bytes, *sample_bytes), samples)
        }
    }
}

/// By the machine's own clock it ended before it began.
pub(crate) fn clock_went_back(record: &EraseRecord) -> bool {
    record.finished_at < record.started_at
}

fn bounded(field: &str, text: &str, limit: usize) -> Result<(), String> {
    // Characters are as many as bytes at most.
    if text.len() > limit && text.chars().count() > limit {
        return Err(format!("{field} is longer than {limit} characters"));
    }
    Ok(())
}

fn at_most(field: &str, count: usize, limit: usize) -> Result<(), String> {
    if count > limit {
        return Err(format!(
            "{field} has {count} entries, and {limit} are allowed"
        ));
    }
    Ok(())
}

fn check_method(method: EraseMethod) -> Result<(), String> {
    let nothing = EraseMethod::Overwrite {
        random_passes: 0,
        zeroed: false,
    };
    if method == nothing {
        return Err("it was overwritten with nothing".to_owned());
    }
    Ok(())
}

/// Sizes are in bytes: of the disk, and of each sample.
fn check_samples(
    method: EraseMethod,
    (size, length): (u64, u64),
    samples: &[EraseSample],
) -> Result<(), String> {
    if method == EraseMethod::Metadata {
        return match samples {
            [] => Ok(()),
            _ => Err("an erasure of metadata has no samples".to_owned()),
        };
    }
    at_most("samples", samples.len(), SAMPLES_LIMIT)?;
    if samples.is_empty() || length == 0 {
        return Err("nothing of the disk was read back".to_owned());
    }
    if !samples.is_sorted_by(|one, next| one.offset_bytes < next.offset_bytes) {
        return Err("its samples are not by ascending offset".to_owned());
    }
    for sample in samples {
        let offset = sample.offset_bytes;
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(format!(
                "the sample at byte {offset} does not lie on the disk, which has {size} bytes"
            ));
        }
        if !is_left_by(method, sample.found) {
            return Err(format!(
                "what was read at byte {offset} is not what the method leaves behind"
            ));
        }
    }
    Ok(())
}

/// What is promised by each: a drive chooses what it shows after a cryptographic erase, and no drive knows the bytes of the
/// agent's own random passes.
fn is_left_by(method: EraseMethod, found: EraseFound) -> bool {
    match method {
        EraseMethod::Overwrite { zeroed: true, .. } => found == EraseFound::Zeroes,
        EraseMethod::Overwrite { zeroed: false, .. } => found == EraseFound::Random,
        EraseMethod::AtaErase => matches!(found, EraseFound::Zeroes | EraseFound::Ones),
        EraseMethod::NvmeFormatCrypto
        | EraseMethod::NvmeFormat
        | EraseMethod::NvmeSanitizeBlock
        | EraseMethod::NvmeSanitizeCrypto
        | EraseMethod::NvmeSanitizeOverwrite
        | EraseMethod::AtaEraseEnhanced => found != EraseFound::Random,
        EraseMethod::Metadata => false,
    }
}
