//! Keeps the timeline of each node within its bounds, in entries and in bytes: the oldest events go.

use super::{Declaration, NodePeriodic, Seen, Visit, Visited};
use crate::conductor::environment::{between, later};
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_model::ids::NodeId;
use ferric_store::{Entity, EventFilter, Expectation, StoreError, StoredEvent, Transaction};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Events that are read at once.
const BATCH: usize = 500;
/// One node at a time: nobody waits for it.
const WIDTH: usize = 1;
const DAY_S: u64 = 86_400;
/// A node that so many passes have not met is deleted, or another conductor's.
const PASSES: u32 = 20;

pub(super) struct TimelineTrim {
    bounds: Bounds,
    spacing: Duration,
    looks: Mutex<Looks>,
}

/// What this process has looked at. A node that was locked, say, in one pass is looked at in the next one.
#[derive(Default)]
struct Looks {
    of: HashMap<NodeId, Look>,
    tidied: Timestamp,
}

struct Look {
    at: Timestamp,
    /// When a pass came across the node last.
    met: Timestamp,
}

impl Looks {
    /// `None`: never, or it was long ago.
    fn last(&mut self, node: NodeId, now: Timestamp) -> Option<Timestamp> {
        let look = self.of.get_mut(&node)?;
        look.met = now;
        Some(look.at)
    }

    fn note(&mut self, node: NodeId, now: Timestamp) {
        self.of.insert(node, Look { at: now, met: now });
    }

    /// Without nodes that passes do not meet any more.
    fn tidy(&mut self, now: Timestamp, patience: Duration) {
        if between(self.tidied, now) >= patience {
            self.tidied = now;
            self.of.retain(|_, look| between(look.met, now) < patience);
        }
    }
}

/// How much of a timeline is kept.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    entries: usize,
    bytes: usize,
    /// Whatever is younger is kept, however many entries that are.
    age: Duration,
}

impl TimelineTrim {
    pub(super) fn new(settings: &Settings) -> Self {
        let timeline = &settings.timeline;
        Self {
            bounds: Bounds {
                entries: timeline.max_entries,
                bytes: timeline.max_bytes,
                age: seconds(timeline.min_days.saturating_mul(DAY_S)),
            },
            spacing: seconds(timeline.trim_interval_s),
            looks: Mutex::default(),
        }
    }
}

#[async_trait]
impl NodePeriodic for TimelineTrim {
    fn declaration(&self, _settings: &Settings) -> Declaration {
        Declaration {
            extra_fields: &["updated_at"],
            ..Declaration::new("trimming timelines", self.spacing, WIDTH)
        }
    }

    /// Each event comes with a change of its node, and may go when it is old enough. Two spacings, because a change is
    /// dated before it is stored.
    fn predicate(&self, seen: &Seen<'_>, now: Timestamp) -> bool {
        let mut looks = self.looks.lock();
        looks.tidy(now, self.spacing.saturating_mul(PASSES));
        let Some(looked) = seen.node().and_then(|node| looks.last(node, now)) else {
            return true;
        };
        let changed = seen.integer("updated_at");
        let changed = changed.and_then(|changed| Timestamp::from_microsecond(changed).ok());
        let window = (self.spacing * 2).saturating_add(self.bounds.age);
        changed.is_none_or(|changed| {
            // The second for a clock that was set back after the look.
            looked < later(changed, window) || between(changed, now) < window
        })
    }

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        let (conductor, node) = (&visit.conductor, &visit.node);
        let now = conductor.now();
        let mut kept = Kept::new(self.bounds, now);
        let mut filter = EventFilter {
            node: Some(node.uuid),
            after: 0,
            limit: BATCH,
        };
        loop {
            let batch = conductor.store().events(&filter).await?;
            let Some(last) = batch.last() else { break };
            filter.after = last.sequence;
            batch.iter().for_each(|event| kept.add(event));
        }
        let Some(up_to) = kept.forgotten else {
            self.looks.lock().note(node.uuid, now);
            return Ok(Visited::Nothing);
        };
        let mut trim = Transaction::new().forget(node.uuid, up_to);
        if let Some(epoch) = node.epoch() {
            trim = trim.expect(Expectation::Epoch(node.key(), epoch));
        }
        match conductor.store().commit(trim).await {
            Ok(_) => {
                self.looks.lock().note(node.uuid, now);
                Ok(Visited::Acted)
            }
            // Somebody else's node now.
            Err(StoreError::Stale { .. }) => Ok(Visited::Nothing),
            Err(error) => Err(error.into()),
        }
    }
}

/// The newest events of a node that fit.
struct Kept {
    bounds: Bounds,
    now: Timestamp,
    /// Sequence, time and size, oldest first.
    events: VecDeque<(u64, Timestamp, usize)>,
    bytes: usize,
    /// The newest of those that do not fit.
    forgotten: Option<u64>,
}

impl Kept {
    fn new(bounds: Bounds, now: Timestamp) -> Self {
        Self {
            bounds,
            now,
            events: VecDeque::new(),
            bytes: 0,
            forgotten: None,
        }
    }

    fn add(&mut self, stored: &StoredEvent) {
        let size = serde_json::to_vec(&stored.event).map_or(0, |bytes| bytes.len());
        self.bytes += size;
        self.events
            .push_back((stored.sequence, stored.event.at, size));
        while let Some((sequence, at, size)) = self.events.front().copied() {
            let is_old = between(at, self.now) >= self.bounds.age;
            let too_many = self.events.len() > self.bounds.entries && is_old;
            if !too_many && self.bytes <= self.bounds.bytes {
                return;
            }
            self.events.pop_front();
            self.bytes -= size;
            self.forgotten = Some(sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tests::lab::Lab;
    use ferric_model::event::{TimelineEvent, What};
    use ferric_store::{FieldValue, Key, Outline, Revision, Table};
    use uuid::Uuid;

    fn event(node: NodeId, at: Timestamp, text: &str) -> TimelineEvent {
        TimelineEvent {
            id: Uuid::nil(),
            node,
            at,
            conductor: "one".to_owned(),
            run: None,
            bulk: None,
            what: What::Note {
                text: text.to_owned(),
            },
        }
    }

    fn forgotten(bounds: Bounds, ages_s: &[u64]) -> Option<u64> {
        let now = Timestamp::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let mut kept = Kept::new(bounds, now);
        for (place, age) in ages_s.iter().enumerate() {
            let at = now - Duration::from_secs(*age);
            kept.add(&StoredEvent {
                sequence: place as u64 + 10,
                event: event(NodeId(Uuid::nil()), at, "text"),
            });
        }
        kept.forgotten
    }

    #[test]
    fn the_oldest_go_by_number_age_and_size() {
        let bounds = Bounds {
            entries: 2,
            bytes: 1 << 20,
            age: Duration::ZERO,
        };
        assert_eq!(forgotten(bounds, &[3, 2]), None);
        assert_eq!(forgotten(bounds, &[5, 4, 3, 2]), Some(11));
        let young = Bounds {
            age: Duration::from_secs(100),
            ..bounds
        };
        assert_eq!(forgotten(young, &[500, 50, 40, 30]), Some(10));
        let small = Bounds {
            entries: 100,
            bytes: 400,
            ..young
        };
        let one = serde_json::to_vec(&event(NodeId(Uuid::nil()), Timestamp::UNIX_EPOCH, "text"));
        let fit = 400 / (one.unwrap().len() + 3);
        assert!((1..6).contains(&fit), "{fit}");
        let up_to = forgotten(small, &[5, 4, 3, 2, 2, 2]).unwrap();
        assert!(up_to >= 15 - fit as u64, "{up_to}, {fit} fit");
    }

    /// What was too young to go when its node changed last goes later.
    #[tokio::test]
    async fn nodes_are_looked_at_until_their_last_event_may_go() {
        let mut settings = Settings::clone(&Lab::new().settings);
        settings.timeline.min_days = 2;
        settings.timeline.trim_interval_s = 600;
        let job = TimelineTrim::new(&settings);
        let declaration = job.declaration(&settings);
        let at = |seconds| Timestamp::UNIX_EPOCH + Duration::from_secs(seconds);
        let node = NodeId(Uuid::nil());
        let wants = |changed: u64, now: u64| {
            let changed = at(changed).as_microsecond();
            let outline = Outline {
                key: Key::new(Table::Node, node),
                revision: Revision(1),
                sequence: 1,
                fields: vec![("updated_at", FieldValue::Integer(changed))],
            };
            job.predicate(&Seen::new(&outline, &declaration), at(now))
        };
        assert!(wants(0, 10 * DAY_S), "nobody has looked at it");
        assert!(wants(0, 11 * DAY_S), "still nobody has");
        let looked = 20 * DAY_S;
        for (age, expected) in [
            (0, true),
            (2 * DAY_S, true),
            (2 * DAY_S + 1100, true),
            (2 * DAY_S + 1300, false),
        ] {
            job.looks.lock().note(node, at(looked));
            assert_eq!(wants(looked - age, looked + 600), expected, "{age} s");
        }
        assert!(wants(looked, looked + 1200), "it has changed since");
        assert!(!wants(0, looked + 1800));
        let long_after = looked + 1800 + 600 * u64::from(PASSES);
        assert!(wants(0, long_after), "no pass has met it for long");
        assert!(job.looks.lock().of.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeline_stays_within_its_bounds_and_keeps_the_newest() {
        let mut lab = Lab::new();
        let mut settings = Settings::clone(&lab.settings);
        settings.timeline.max_entries = 20;
        settings.timeline.trim_interval_s = 600;
        lab.settings = std::sync::Arc::new(settings);
        lab.start(None).await;
        lab.enroll_available().await;
        for round in 0..3 {
            let node = lab.node().await;
            let at = lab.conductor().now();
            let mut many = Transaction::new();
            for number in 0..1100 {
                let text = format!("{round}/{number}");
                many = many.event(event(lab.machine.node, at, &text));
            }
            let node = ferric_model::node::Node {
                updated_at: Some(at),
                ..node
            };
            lab.store.commit(many.put(&node)).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1300)).await;
            let events = lab.events().await;
            assert!(events.len() <= 20, "{}", events.len());
            let newest = What::Note {
                text: format!("{round}/1099"),
            };
            assert!(events.contains(&newest), "{events:#?}");
        }
    }
}
