//! How long a job waits for a BMC, and what becomes of those that hang. Pure policy: no clock, no task.
//!
//! A pass gives each BMC a few times what they usually take. Whoever is slower is a suspect: it is asked again with long
//! patience, but only in one slot of ten, so that no number of hanging BMCs keeps the healthy ones waiting. One that
//! hangs there too is left alone for longer and longer.

use ferric_model::ids::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How much longer than usual an answer may take before its BMC is a suspect. With a tenth of all BMCs hanging, the
/// healthy ones wait for two thirds as long again as without them.
const SLACK: u32 = 5;
/// Before anything is known of what is usual, and never less than `LEAST`: a busy machine is no hanging BMC.
const FIRST: Duration = Duration::from_secs(1);
const LEAST: Duration = Duration::from_millis(250);
const MOST: Duration = Duration::from_secs(10);
/// Answers that the usual time is a mean of, more or less.
const MEMORY: u32 = 16;
/// A suspect is given this.
const LONG: Duration = Duration::from_secs(30);
/// A suspect that takes so long to answer, well or not, hangs.
const HANGS: Duration = Duration::from_secs(5);
/// One that hangs is left alone for one spacing, then two, four, up to this.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(900);
/// The share of all slots that suspects may take.
const SLOTS: usize = 10;

/// Where a node is visited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Usual,
    Suspect,
}

/// What is remembered of a BMC that was too slow.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    hangs: u32,
    /// The time when it may be asked again.
    due: Instant,
}

/// Lost with the process, which then finds out anew.
pub(super) struct Patience {
    spacing: Duration,
    usual: Option<Duration>,
    suspects: BTreeMap<NodeId, Suspect>,
}

/// Slots for suspects among so many.
pub(super) fn suspect_slots(width: usize) -> usize {
    (width / SLOTS).max(1)
}

impl Patience {
    pub(super) fn new(spacing: Duration) -> Self {
        Self {
            spacing,
            usual: None,
            suspects: BTreeMap::new(),
        }
    }

    /// Where the node is to be visited, and since when it waits for that; `None`: not now.
    pub(super) fn lane(&self, node: NodeId, now: Instant) -> Option<(Lane, Instant)> {
        match self.suspects.get(&node) {
            None => Some((Lane::Usual, now)),
            Some(suspect) if suspect.due <= now => Some((Lane::Suspect, suspect.due)),
            Some(_) => None,
        }
    }

    /// How long an answer is waited for.
    pub(super) fn limit(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Usual => self
                .usual
                .map_or(FIRST, |usual| (usual * SLACK).clamp(LEAST, MOST)),
            Lane::Suspect => LONG,
        }
    }

    /// The BMC did not answer within the limit, which was this. Where all are slow the limit has to grow, and one in ten
    /// that hangs must not make it grow for ever: so it counts as half of the limit.
    pub(super) fn suspect(&mut self, node: NodeId, limit: Duration, now: Instant) {
        self.learn(limit / 2);
        self.suspects.insert(node, Suspect { hangs: 0, due: now });
    }

    /// The BMC was waited for so long, and answered or not.
    pub(super) fn note(&mut self, node: NodeId, lane: Lane, took: Duration, now: Instant) {
        match lane {
            Lane::Usual => self.learn(took),
            Lane::Suspect if took < HANGS => {
                self.suspects.remove(&node);
            }
            Lane::Suspect => {
                let known = self.suspects.get(&node);
                let hangs = known.map_or(0, |suspect| suspect.hangs).saturating_add(1);
                let due = now + self.back_off(hangs);
                self.suspects.insert(node, Suspect { hangs, due });
            }
        }
    }

    fn learn(&mut self, took: Duration) {
        let usual = self.usual.unwrap_or(took);
        self.usual = Some((usual * (MEMORY - 1) + took) / MEMORY);
    }

    fn back_off(&self, hangs: u32) -> Duration {
        let doubled = 1_u32.checked_shl(hangs - 1).unwrap_or(u32::MAX);
        let longest = LONGEST_BACK_OFF.max(self.spacing);
        self.spacing.saturating_mul(doubled).min(longest)
    }

    /// Forgets whoever is not looked after any more.
    pub(super) fn keep(&mut self, nodes: &BTreeSet<NodeId>) {
        self.suspects.retain(|node, _| nodes.contains(node));
    }

    pub(super) fn suspects(&self) -> usize {
        self.suspects.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NODE: NodeId = NodeId(Uuid::nil());
    const SPACING: Duration = Duration::from_secs(120);

    fn ms(value: u64) -> Duration {
        Duration::from_millis(value)
    }

    #[tokio::test(start_paused = true)]
    async fn patience_follows_what_is_usual_within_bounds() {
        let mut patience = Patience::new(SPACING);
        let now = Instant::now();
        assert_eq!(patience.limit(Lane::Usual), FIRST);
        for (took, limit) in [
            (ms(200), ms(1000)),
            (ms(200), ms(1000)),
            (ms(1000), ms(1250)),
        ] {
            patience.note(NODE, Lane::Usual, took, now);
            assert_eq!(patience.limit(Lane::Usual), limit, "{took:?}");
        }
        for _ in 0..100 {
            patience.note(NODE, Lane::Usual, ms(1), now);
        }
        assert_eq!(patience.limit(Lane::Usual), LEAST);
        for _ in 0..100 {
            patience.note(NODE, Lane::Usual, ms(60_000), now);
        }
        assert_eq!(patience.limit(Lane::Usual), MOST);
        assert_eq!(patience.limit(Lane::Suspect), LONG);
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_settles_with_a_tenth_hanging_and_grows_when_nobody_answers() {
        let now = Instant::now();
        let mut patience = Patience::new(SPACING);
        for number in 0..1000 {
            match number % 10 {
                0 => patience.suspect(NODE, patience.limit(Lane::Usual), now),
                _ => patience.note(NODE, Lane::Usual, ms(100), now),
            }
            let limit = patience.limit(Lane::Usual);
            assert!(number < 100 || limit < ms(800), "{limit:?}");
        }
        for _ in 0..100 {
            patience.suspect(NODE, patience.limit(Lane::Usual), now);
        }
        assert_eq!(patience.limit(Lane::Usual), MOST);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_hangs_is_left_alone_for_longer_each_time() {
        let mut patience = Patience::new(SPACING);
        let mut now = Instant::now();
        assert_eq!(patience.lane(NODE, now), Some((Lane::Usual, now)));
        patience.suspect(NODE, FIRST, now);
        assert_eq!(patience.lane(NODE, now), Some((Lane::Suspect, now)));
        for seconds in [120, 240, 480, 900, 900] {
            patience.note(NODE, Lane::Suspect, LONG, now);
            let due = now + Duration::from_secs(seconds);
            assert_eq!(patience.lane(NODE, due - ms(1)), None);
            assert_eq!(patience.lane(NODE, due), Some((Lane::Suspect, due)));
            now = due;
        }
        patience.note(NODE, Lane::Suspect, ms(900), now);
        assert_eq!(patience.lane(NODE, now), Some((Lane::Usual, now)));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_is_gone_is_forgotten() {
        let mut patience = Patience::new(SPACING);
        patience.suspect(NODE, FIRST, Instant::now());
        assert_eq!(patience.suspects(), 1);
        patience.keep(&BTreeSet::from([NODE]));
        assert_eq!(patience.suspects(), 1);
        patience.keep(&BTreeSet::new());
        assert_eq!(patience.suspects(), 0);
    }

    #[test]
    fn suspects_have_one_slot_in_ten() {
        for (width, slots) in [(1, 1), (8, 1), (20, 2), (50, 5)] {
            assert_eq!(suspect_slots(width), slots);
        }
    }
}
