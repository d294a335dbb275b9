//! How far the running command is: written by the disk path on its thread, read by whoever lists the commands.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferric_agent_protocol::progress::Progress as Mark;
use parking_lot::Mutex;

/// The rate is that of the last seconds, so that it follows the network; but the disk is written in large pieces, and
/// on a slow one a piece takes seconds.
const WINDOW: Duration = Duration::from_secs(15);
const SAMPLE: Duration = Duration::from_millis(250);

/// A handle on one command's progress; clones share it.
#[derive(Clone, Debug)]
pub struct Progress(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    begun: Instant,
    mark: Option<Mark>,
    samples: VecDeque<(Instant, u64)>,
}

impl Default for Progress {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            begun: Instant::now(),
            mark: None,
            samples: VecDeque::new(),
        })))
    }
}

impl Progress {
    /// Begins a new phase: `writing`, `verifying`, ...
    pub fn phase(&self, phase: &str) {
        self.change(|mark| phase.clone_into(&mut mark.phase));
    }

    /// Sets how many bytes the disk will hold.
    pub fn total(&self, bytes: u64) {
        self.change(|mark| mark.bytes_total = Some(bytes));
    }

    /// Counts bytes of the disk that have been dealt with, written or known to be zero.
    pub fn written(&self, bytes: u64) {
        self.change(|mark| mark.bytes_written += bytes);
    }

    /// Counts bytes that came over the network.
    pub fn received(&self, bytes: u64) {
        self.change(|mark| mark.bytes_received += bytes);
    }

    /// The counters begin anew, because the transfer does.
    pub fn restart(&self) {
        self.change(|mark| (mark.bytes_written, mark.bytes_received) = (0, 0));
        self.0.lock().samples.clear();
    }

    /// What the command has reported until now; nothing if it reports no progress.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        let state = self.0.lock();
        let mut mark = state.mark.clone()?;
        mark.bytes_per_second = state.rate(Instant::now());
        mark.elapsed_ms = u64::try_from(state.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Some(mark)
    }

    fn change(&self, change: impl FnOnce(&mut Mark)) {
        let mut state = self.0.lock();
        change(state.mark.get_or_insert_default());
        state.sample(Instant::now());
    }
}

impl State {
    fn sample(&mut self, now: Instant) {
        let written = self.mark.as_ref().map_or(0, |mark| mark.bytes_written);
        let is_due = |(at, _): &(Instant, u64)| now.duration_since(*at) >= SAMPLE;
        if self.samples.back().is_none_or(is_due) {
            self.samples.push_back((now, written));
        }
        while self.samples.len() > 2 && now.duration_since(self.samples[1].0) > WINDOW {
            self.samples.pop_front();
        }
    }

    fn rate(&self, now: Instant) -> u64 {
        let (Some((begin, first)), Some(mark)) = (self.samples.front(), &self.mark) else {
            return 0;
        };
        let millis = now.duration_since(*begin).as_millis().max(1);
        let bytes = u128::from(mark.bytes_written.saturating_sub(*first));
        u64::try_from(bytes * 1000 / millis).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_reports_nothing_has_no_progress() {
        assert_eq!(Progress::default().mark(), None);
    }

    #[test]
    fn counters_add_up_and_begin_anew() {
        let progress = Progress::default();
        progress.phase("writing");
        progress.total(100);
        progress.written(30);
        let shared = progress.clone();
        shared.written(20);
        progress.received(7);
        let mark = progress.mark().unwrap();
        assert_eq!((mark.bytes_written, mark.bytes_received), (50, 7));
        assert_eq!(
            (mark.phase.as_str(), mark.bytes_total),
            ("writing", Some(100))
        );
        progress.restart();
        assert_eq!(progress.mark().unwrap().bytes_written, 0);
    }

    #[test]
    fn the_rate_is_that_of_the_window() {
        let begun = Instant::now();
        let at = |ms| begun + Duration::from_millis(ms);
        let mut state = State {
            begun,
            mark: Some(Mark::default()),
            samples: VecDeque::new(),
        };
        for second in 0..30_u64 {
            state.mark.as_mut().unwrap().bytes_written += if second < 10 { 1_000_000 } else { 100 };
            state.sample(at(second * 1000));
        }
        assert_eq!(state.rate(at(29_000)), 100);
        assert!(state.samples.len() < 20);
    }
}
