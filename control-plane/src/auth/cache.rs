//! What was found out about a credential, for a while. Keyed by a keyed hash: the memory holds no password and no token.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand::SystemRandom;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The keyed hash of a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint([u8; 32]);

/// At most so many entries, each for a while; when it is full the one that ends first goes.
pub(super) struct Cache<V> {
    key: hmac::Key,
    entries: Mutex<HashMap<Fingerprint, Entry<V>>>,
    room: usize,
}

struct Entry<V> {
    value: V,
    until: Instant,
}

impl<V: Clone> Cache<V> {
    pub(super) fn new(room: usize) -> Self {
        Self {
            key: hmac::Key::generate(HMAC_SHA256, &SystemRandom::new())
                .expect("the system has random numbers"),
            entries: Mutex::new(HashMap::new()),
            room,
        }
    }

    /// Of the parts of a credential, each with its length, so that no two of them can be taken for each other.
    pub(super) fn fingerprint(&self, parts: &[&[u8]]) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.sign().as_ref());
        Fingerprint(bytes)
    }

    pub(super) fn get(&self, fingerprint: &Fingerprint, now: Instant) -> Option<V> {
        let entries = self.entries.lock();
        let entry = entries.get(fingerprint).filter(|entry| entry.until > now);
        entry.map(|entry| entry.value.clone())
    }

    pub(super) fn put(&self, fingerprint: Fingerprint, value: V, now: Instant, lifetime: Duration) {
        let until = now + lifetime;
        let mut entries = self.entries.lock();
        if entries.len() >= self.room && !entries.contains_key(&fingerprint) {
            entries.retain(|_, entry| entry.until > now);
            let first = entries.iter().min_by_key(|(_, entry)| entry.until);
            if let Some(first) = first.map(|(first, _)| *first)
                && entries.len() >= self.room
            {
                entries.remove(&first);
            }
        }
        entries.insert(fingerprint, Entry { value, until });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn entries_end_and_make_room() {
        let cache = Cache::new(2);
        let now = Instant::now();
        let [a, b, c] = [b"a", b"b", b"c"].map(|text| cache.fingerprint(&[text]));
        cache.put(a, 1, now, MINUTE);
        cache.put(b, 2, now, 2 * MINUTE);
        assert_eq!(cache.get(&a, now), Some(1));
        assert_eq!(cache.get(&a, now + MINUTE), None);
        cache.put(c, 3, now, 3 * MINUTE);
        assert_eq!(cache.get(&a, now), None, "it was the first to end");
        assert_eq!((cache.get(&b, now), cache.get(&c, now)), (Some(2), Some(3)));
    }

    #[test]
    fn parts_are_not_run_together_and_keys_differ() {
        let (one, other) = (Cache::<()>::new(1), Cache::<()>::new(1));
        let print = |parts: &[&[u8]]| one.fingerprint(parts);
        assert_ne!(print(&[b"ab", b"c"]), print(&[b"a", b"bc"]));
        assert_eq!(print(&[b"ab", b"c"]), print(&[b"ab", b"c"]));
        assert_ne!(print(&[b"a"]), other.fingerprint(&[b"a"]));
    }
}
