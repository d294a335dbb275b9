//! Time and progress of work that lasts a time and has no size: its size is what the rate until now will come to.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Watch;

/// Shared by all threads of a burn-in.
pub(super) struct Meter {
    watch: Watch,
    begun: Instant,
    lasts: Duration,
    bytes: AtomicU64,
    ended: AtomicBool,
}

impl Meter {
    /// The time begins now.
    pub(super) fn begin(watch: &Watch, phase: &str, lasts: Duration) -> Self {
        watch.progress.phase(phase);
        Self {
            watch: watch.clone(),
            begun: Instant::now(),
            lasts,
            bytes: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    /// Whether there is time left, and nobody wants an end.
    pub(super) fn goes_on(&self) -> bool {
        self.elapsed() < self.lasts && !self.is_stopped()
    }

    /// Ends this work before its time, and nothing else.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.ended.load(Ordering::Relaxed) || self.watch.stop.is_requested()
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// For how long its time has been over.
    pub(super) fn over_by(&self) -> Duration {
        self.elapsed().saturating_sub(self.lasts)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts bytes that were worked on.
    pub(super) fn count(&self, bytes: u64) {
        let sum = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.watch.progress.written(bytes);
        self.watch
            .progress
            .total(expected(sum, self.elapsed(), self.lasts));
    }
}

/// What the whole time will come to; never less than what there is.
fn expected(bytes: u64, elapsed: Duration, lasts: Duration) -> u64 {
    let (elapsed, lasts) = (elapsed.as_millis().max(1), lasts.as_millis());
    let all = u128::from(bytes) * lasts / elapsed;
    u64::try_from(all).unwrap_or(u64::MAX).max(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_come_follows_the_rate() {
        let of = |bytes, elapsed| {
            expected(
                bytes,
                Duration::from_secs(elapsed),
                Duration::from_secs(100),
            )
        };
        assert_eq!(of(10, 1), 1000);
        assert_eq!(of(500, 50), 1000);
        assert_eq!(of(1000, 101), 1000, "time that is over adds nothing");
    }

    #[test]
    fn a_meter_ends_with_its_time_or_with_the_wish() {
        let watch = Watch::default();
        let meter = Meter::begin(&watch, "x", Duration::from_mins(1));
        assert!(meter.goes_on());
        meter.count(7);
        let mark = watch.progress.mark().unwrap();
        assert_eq!((mark.phase.as_str(), mark.bytes_written), ("x", 7));
        assert!(mark.bytes_total.unwrap() > 7);
        watch.stop.request();
        assert!(!meter.goes_on());
        assert_eq!(meter.over_by(), Duration::ZERO);
        let over = Meter::begin(&Watch::default(), "x", Duration::ZERO);
        assert!(!over.goes_on());
        while over.over_by().is_zero() {
            std::thread::yield_now();
        }
        let watch = Watch::default();
        let ended = Meter::begin(&watch, "x", Duration::from_mins(1));
        ended.end();
        assert!(!ended.goes_on() && !watch.stop.is_requested());
    }
}
