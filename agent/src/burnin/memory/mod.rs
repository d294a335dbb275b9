//! Memory: a share of what is free is written and read back, with another pattern each time.
//!
//! Some of it is always left, so that the system and this agent live on.

mod pattern;
mod place;

use std::time::Duration;

use serde_json::{Value, json};

use super::cpu::{bind, processors, workers};
use super::meter::Meter;
use super::report::Report;
use super::settings::{Settings, Share};
use super::threads::on_threads;
use super::{BurninError, Watch, rate, seconds};
use crate::host::{Host, Tree};
use pattern::Pattern;

const A_DAY_S: u64 = 86400;
const MIB: u64 = 1 << 20;
/// What is left for the system: this much, or the 50th part of what is free if that is more.
const KEPT_BYTES: u64 = 256 * MIB;
/// Less than this is no test.
const LEAST_BYTES: u64 = 16 * MIB;
/// What is written or read between two looks at the time.
const PIECE_WORDS: usize = 1 << 20;
const WORD_BYTES: u64 = 8;

pub(super) fn burn_in(
    host: &Host,
    settings: &Settings<'_>,
    watch: &Watch,
) -> Result<Value, BurninError> {
    host.permits_system()?;
    let lasts = settings.time("agent_burnin_vm_timeout", A_DAY_S)?;
    let workers = workers(settings, "agent_burnin_vm_vm")?;
    let share = settings.share("agent_burnin_vm_vm-bytes", Share::Percent(98))?;
    let report = Report::create(host, settings.file("agent_burnin_vm_outputfile")?)?;
    let bytes = amount(share, available(host.tree()))?;
    let result = test(bytes, workers, lasts, watch)?;
    report.write(&result)?;
    Ok(result)
}

/// Bytes that programs can still have.
fn available(tree: &Tree) -> u64 {
    let text = tree.text("proc/meminfo").unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// How much is tested, in whole MiB.
fn amount(share: Share, available: u64) -> Result<u64, BurninError> {
    let kept = KEPT_BYTES.max(available / 50);
    let most = available.saturating_sub(kept);
    let wanted = match share {
        Share::Percent(percent) => most.min(available / 100 * percent),
        Share::Bytes(bytes) => bytes,
    };
    if wanted > most || wanted < LEAST_BYTES {
        return Err(BurninError::Memory {
            wanted: wanted.max(LEAST_BYTES) / MIB,
            available: available / MIB,
            kept: kept / MIB,
        });
    }
    Ok(wanted / MIB * MIB)
}

/// What one thread has done.
#[derive(Default)]
struct Tested {
    passes: u64,
    fault: Option<String>,
}

fn test(
    bytes: u64,
    workers: Option<usize>,
    lasts: Duration,
    watch: &Watch,
) -> Result<Value, BurninError> {
    let processors = processors();
    let workers = workers.unwrap_or(processors.len()).max(1);
    let words = usize::try_from(bytes / WORD_BYTES).unwrap_or(usize::MAX) / workers;
    let meter = Meter::begin(watch, "burning in the memory", lasts);
    let joined = on_threads(&processors, workers, &meter, |processor| {
        work(processor, words, &meter)
    })?;
    let panicked = || Tested {
        fault: Some("the agent has a fault".to_owned()),
        ..Tested::default()
    };
    let ended = joined.into_iter();
    let tested: Vec<Tested> = ended
        .map(|joined| joined.unwrap_or_else(|_| panicked()))
        .collect();
    let passes = tested.iter().map(|tested| tested.passes).min();
    let faults: Vec<String> = tested
        .into_iter()
        .filter_map(|tested| tested.fault)
        .collect();
    if !faults.is_empty() {
        return Err(BurninError::Faulty {
            what: "memory did not keep what was written to it",
            faults,
        });
    }
    watch.check()?;
    Ok(json!({
        "bytes": words as u64 * WORD_BYTES * workers as u64,
        "workers": workers,
        "seconds": seconds(meter.elapsed()),
        "passes": passes,
        "bytes_written_and_read": meter.bytes(),
        "bytes_per_second": rate(meter.bytes(), meter.elapsed()),
        "wrong_words": 0,
    }))
}

/// One thread's part of the memory, until the time is over or some of it is broken.
fn work(processor: usize, words: usize, meter: &Meter) -> Tested {
    bind(processor);
    let mut tested = Tested::default();
    let mut memory: Vec<u64> = Vec::new();
    if let Err(error) = memory.try_reserve_exact(words) {
        tested.fault = Some(format!("{words} words cannot be had: {error}"));
        return tested;
    }
    memory.resize(words, 0);
    for pattern in Pattern::all() {
        if !meter.goes_on() {
            break;
        }
        let filled = fill(&mut memory, pattern, meter);
        // What was written is read back even though the time is over.
        tested.fault = check(&memory[..filled], pattern, meter);
        if tested.fault.is_some() {
            break;
        }
        tested.passes += u64::from(filled == words);
    }
    tested
}

/// Writes as long as there is time; answers with how many words it wrote.
fn fill(memory: &mut [u64], pattern: Pattern, meter: &Meter) -> usize {
    let mut filled = 0;
    for piece in memory.chunks_mut(PIECE_WORDS) {
        if !meter.goes_on() {
            break;
        }
        pattern.write(filled as u64, piece);
        filled += piece.len();
        meter.count(piece.len() as u64 * WORD_BYTES);
    }
    // The compiler must not know what is in there.
    std::hint::black_box(memory);
    filled
}

/// Reads back; answers with what is wrong.
fn check(memory: &[u64], pattern: Pattern, meter: &Meter) -> Option<String> {
    let (mut wrong, mut first) = (0_usize, None);
    for (number, piece) in memory.chunks(PIECE_WORDS).enumerate() {
        if meter.is_stopped() {
            break;
        }
        let start = number * PIECE_WORDS;
        let (count, at) = pattern.compare(start as u64, piece);
        wrong += count;
        if first.is_none()
            && let Some(at) = at
        {
            let index = start + at;
            let (found, expected) = (memory[index], pattern.word(index as u64));
            first = Some((&memory[index], found, expected));
        }
        meter.count(piece.len() as u64 * WORD_BYTES);
    }
    let (word, found, expected) = first?;
    let place = place::of(word);
    let fault = format!(
        "{wrong} words are wrong, the first at {place}: {found:#018x} is not {expected:#018x}"
    );
    tracing::error!(fault, "memory is broken");
    Some(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_memory_is_always_left() {
        let gib = 1 << 30;
        let of = |share, available| amount(share, available).map_err(|error| error.to_string());
        assert_eq!(
            of(Share::Percent(98), 4 * gib),
            Ok(3840 * MIB),
            "256 MiB are kept"
        );
        assert_eq!(
            of(Share::Percent(100), 100 * gib),
            Ok(98 * gib),
            "a 50th is kept"
        );
        assert_eq!(of(Share::Percent(25), 4 * gib), Ok(1023 * MIB));
        assert_eq!(of(Share::Bytes(gib), 4 * gib), Ok(gib));
        let error = of(Share::Bytes(4 * gib), 4 * gib).unwrap_err();
        assert_eq!(
            error,
            "4096 MiB of memory cannot be tested: 4096 MiB are free, and 256 MiB of them are kept for the system"
        );
        assert!(of(Share::Percent(98), 260 * MIB).is_err());
        assert!(of(Share::Bytes(4096), 4 * gib).is_err());
    }

    #[test]
    fn what_is_free_is_read_from_the_kernel() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("proc")).unwrap();
        let text = "MemTotal: 900 kB\nMemFree:   1 kB\nMemAvailable:      123 kB\n";
        std::fs::write(root.path().join("proc/meminfo"), text).unwrap();
        assert_eq!(available(&Tree::below(root.path())), 123 * 1024);
        assert_eq!(available(&Tree::below(&root.path().join("none"))), 0);
    }

    #[test]
    fn memory_is_written_and_read_back_for_the_time() {
        let watch = Watch::default();
        let lasts = Duration::from_millis(300);
        let result = test(24 * MIB, Some(3), lasts, &watch).unwrap();
        assert_eq!(
            (&result["bytes"], &result["workers"]),
            (&json!(24 * MIB), &json!(3))
        );
        assert!(result["bytes_written_and_read"].as_u64().unwrap() >= 2 * 8 * MIB);
        assert!(watch.progress.mark().unwrap().bytes_written > 0);
        watch.stop.request();
        let error = test(LEAST_BYTES, Some(1), lasts, &watch).unwrap_err();
        assert!(matches!(error, BurninError::Stopped));
    }

    #[test]
    fn words_that_changed_are_counted_and_the_first_is_shown() {
        let watch = Watch::default();
        let meter = Meter::begin(&watch, "x", Duration::from_mins(1));
        for pattern in Pattern::all().take(20) {
            let mut memory = vec![0; PIECE_WORDS + 100];
            assert_eq!(fill(&mut memory, pattern, &meter), memory.len());
            assert_eq!(check(&memory, pattern, &meter), None);
            memory[PIECE_WORDS + 3] ^= 1 << 40;
            memory[PIECE_WORDS + 50] ^= 1;
            let fault = check(&memory, pattern, &meter).unwrap();
            assert!(
                fault.starts_with("2 words are wrong, the first at "),
                "{fault}"
            );
            let found = format!("{:#018x} is not", memory[PIECE_WORDS + 3]);
            assert!(fault.contains(&found), "{fault}");
        }
    }
}
