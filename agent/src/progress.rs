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
    /// What is done at the same time, such as disks that are erased.
    parts: Vec<Progress>,
    expected: Option<Expected>,
}

/// Work of which only its beginning and its likely length are known, such as a drive's own command.
#[derive(Clone, Copy, Debug)]
struct Expected {
    begun: Instant,
    lasts: Duration,
}

impl Default for Progress {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State {
            begun: Instant::now(),
            mark: None,
            samples: VecDeque::new(),
            parts: Vec::new(),
            expected: None,
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

    /// Sets how many bytes of the disk have been dealt with, where the disk itself says so.
    pub fn reached(&self, bytes: u64) {
        self.0.lock().expected = None;
        self.change(|mark| mark.bytes_written = bytes);
    }

    /// The rest is likely to take this long, and nothing tells how far it is meanwhile.
    pub fn expect(&self, lasts: Duration) {
        let begun = Instant::now();
        self.0.lock().expected = Some(Expected { begun, lasts });
    }

    /// The counters begin anew, because the transfer does.
    pub fn restart(&self) {
        self.change(|mark| (mark.bytes_written, mark.bytes_received) = (0, 0));
        let mut state = self.0.lock();
        state.samples.clear();
        state.expected = None;
    }

    /// A part of the work that is done at the same time as the other parts; the whole shows their sum.
    #[must_use]
    pub fn part(&self, bytes_total: u64) -> Self {
        let part = Self::default();
        part.total(bytes_total);
        self.0.lock().parts.push(part.clone());
        part
    }

    /// What the command has reported until now; nothing if it reports no progress.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        let now = Instant::now();
        let state = self.0.lock();
        let mut mark = state.mark.clone()?;
        mark.bytes_per_second = state.rate(now);
        if let Some(expected) = state.expected {
            expected.fill_in(&mut mark, now);
        }
        let parts: Vec<Mark> = state.parts.iter().filter_map(Self::mark).collect();
        if !parts.is_empty() {
            add_up(&mut mark, &parts);
        }
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

impl Expected {
    /// What takes longer than expected stays just short of its end, and nothing is said of when that comes.
    fn fill_in(self, mark: &mut Mark, now: Instant) {
        let Some(total) = mark.bytes_total else {
            return;
        };
        let millis = |time: Duration| time.as_millis().max(1);
        let (passed, lasts) = (millis(now.duration_since(self.begun)), millis(self.lasts));
        let (total, written) = (u128::from(total), u128::from(mark.bytes_written));
        let left = total.saturating_sub(written);
        let almost = left - left / 100;
        let done = written + (left * passed / lasts).min(almost);
        mark.bytes_written = u64::try_from(done).unwrap_or(u64::MAX);
        let rate = if passed < lasts {
            left * 1000 / lasts
        } else {
            0
        };
        mark.bytes_per_second = u64::try_from(rate).unwrap_or(u64::MAX);
    }
}

/// The sum of parts that run at the same time. All is done when the slowest part is, so the rate is that at which what
/// is left takes as long as the slowest part needs; it is 0, which tells nothing, while a part cannot tell its own.
fn add_up(mark: &mut Mark, parts: &[Mark]) {
    let total = |part: &Mark| u128::from(part.bytes_total.unwrap_or(part.bytes_written));
    let left = |part: &Mark| total(part).saturating_sub(part.bytes_written.into());
    let clamped = |bytes: u128| u64::try_from(bytes).unwrap_or(u64::MAX);
    let slowest_ms = parts
        .iter()
        .filter(|part| left(part) > 0)
        .map(|part| (left(part) * 1000).checked_div(part.bytes_per_second.into()))
        .try_fold(0, |slowest, millis| Some(millis?.max(slowest)));
    let all_left: u128 = parts.iter().map(left).sum();
    let rate = slowest_ms.and_then(|millis| (all_left * 1000).checked_div(millis));
    mark.bytes_per_second = clamped(rate.unwrap_or(0));
    mark.bytes_total = Some(clamped(parts.iter().map(total).sum()));
    mark.bytes_written = parts
        .iter()
        .map(|part| part.bytes_written)
        .fold(0, u64::saturating_add);
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
            parts: Vec::new(),
            expected: None,
        };
        for second in 0..30_u64 {
            state.mark.as_mut().unwrap().bytes_written += if second < 10 { 1_000_000 } else { 100 };
            state.sample(at(second * 1000));
        }
        assert_eq!(state.rate(at(29_000)), 100);
        assert!(state.samples.len() < 20);
    }

    fn part(bytes_total: u64, bytes_written: u64, bytes_per_second: u64) -> Mark {
        Mark {
            bytes_total: Some(bytes_total),
            bytes_written,
            bytes_per_second,
            ..Mark::default()
        }
    }

    #[test]
    fn the_slowest_part_says_how_long_it_takes() {
        let sum = |parts: &[Mark]| {
            let mut mark = Mark::default();
            add_up(&mut mark, parts);
            mark
        };
        // 900 bytes are left; the second part needs 80 s.
        let parts = [part(1000, 900, 100), part(1000, 200, 10)];
        assert_eq!(sum(&parts), part(2000, 1100, 11));
        let done = [part(1000, 1000, 0), part(1000, 200, 10)];
        assert_eq!(sum(&done), part(2000, 1200, 10));
        let silent = [part(1000, 900, 100), part(1000, 0, 0)];
        assert_eq!(sum(&silent), part(2000, 900, 0));
        assert_eq!(sum(&[part(7, 7, 0)]), part(7, 7, 0));
    }

    #[test]
    fn parts_are_shown_as_one() {
        let progress = Progress::default();
        progress.phase("erasing");
        let (first, second) = (progress.part(100), progress.part(50));
        first.written(10);
        second.reached(50);
        let mark = progress.mark().unwrap();
        assert_eq!((mark.phase.as_str(), mark.bytes_written), ("erasing", 60));
        assert_eq!(mark.bytes_total, Some(150));
    }

    #[test]
    fn a_command_that_takes_longer_than_expected_promises_nothing() {
        let begun = Instant::now();
        let expected = Expected {
            begun,
            lasts: Duration::from_secs(100),
        };
        let after = |seconds| {
            let mut mark = part(1000, 0, 0);
            expected.fill_in(&mut mark, begun + Duration::from_secs(seconds));
            (mark.bytes_written, mark.bytes_per_second)
        };
        assert_eq!(after(50), (500, 10));
        assert_eq!(after(100), (990, 0));
        assert_eq!(after(1000), (990, 0));
    }
}
