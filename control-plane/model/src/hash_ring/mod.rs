//! Which conductor a node belongs to, by consistent hashing: the same answer as Ironic's ring gives, bit for bit, so that
//! both can be compared and each conductor works it out alone.
//!
//! A host has 2^exponent points. They come from one running digest that takes in the host's name again for each point.

mod algorithm;
pub mod groups;

pub use algorithm::Algorithm;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How rings are made; all conductors must agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingSettings {
    /// `hash_ring_algorithm`.
    pub algorithm: Algorithm,
    /// `hash_partition_exponent`.
    pub partition_exponent: u32,
}

/// 256 points a host; Ironic's 32 spread nodes coarsely.
impl Default for RingSettings {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Md5,
            partition_exponent: 8,
        }
    }
}

/// The points of all hosts on one circle. Digests compare as the big-endian numbers that they are.
#[derive(Clone, Debug)]
pub struct HashRing {
    points: BTreeMap<Vec<u8>, String>,
    algorithm: Algorithm,
}

impl HashRing {
    pub fn new<'h>(hosts: impl IntoIterator<Item = &'h str>, settings: RingSettings) -> Self {
        let mut points = BTreeMap::new();
        for host in hosts {
            let count = 1 << settings.partition_exponent.min(16);
            for point in settings.algorithm.points(host.as_bytes(), count) {
                points.insert(point, host.to_owned());
            }
        }
        Self {
            points,
            algorithm: settings.algorithm,
        }
    }

    /// The host that the key belongs to; `None` when there is no host at all.
    pub fn host(&self, key: &str) -> Option<&str> {
        self.clockwise(key).next()
    }

    /// Each host once: the one that the key belongs to, then the one that follows when that is gone, and so on.
    pub fn successors(&self, key: &str) -> Vec<&str> {
        let mut hosts = Vec::new();
        for host in self.clockwise(key) {
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        hosts
    }

    /// The hosts of the points behind the key's, once around.
    fn clockwise(&self, key: &str) -> impl Iterator<Item = &str> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let place = self.algorithm.digest(key.as_bytes());
        let behind = self.points.range((Excluded(place.clone()), Unbounded));
        let before = self.points.range((Unbounded, Included(place)));
        behind.chain(before).map(|(_, host)| host.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// What tooz 9.1 answers.
    #[derive(Deserialize)]
    struct Case {
        algorithm: Algorithm,
        partition_exponent: u32,
        hosts: Vec<String>,
        /// A key and its first hosts, in order.
        lookups: Vec<(String, Vec<String>)>,
    }

    #[test]
    fn answers_as_tooz_does() {
        let cases: Vec<Case> = serde_json::from_str(include_str!("vectors.json")).unwrap();
        assert_eq!(cases.len(), 7);
        for case in cases {
            let settings = RingSettings {
                algorithm: case.algorithm,
                partition_exponent: case.partition_exponent,
            };
            let ring = HashRing::new(case.hosts.iter().map(String::as_str), settings);
            for (key, expected) in case.lookups {
                let hosts = ring.successors(&key);
                assert_eq!(ring.host(&key), hosts.first().copied());
                assert_eq!(hosts.len(), case.hosts.len());
                assert_eq!(hosts[..expected.len()], expected, "{key}");
            }
        }
    }

    #[test]
    fn without_hosts_there_is_no_answer() {
        let ring = HashRing::new([], RingSettings::default());
        assert_eq!(ring.host("a"), None);
        assert_eq!(ring.successors("a"), Vec::<&str>::new());
    }

    #[test]
    fn a_host_that_leaves_moves_only_its_own_keys() {
        let (settings, hosts) = (RingSettings::default(), ["a", "b", "c", "d", "e"]);
        let before = HashRing::new(hosts, settings);
        let after = HashRing::new(hosts[..4].iter().copied(), settings);
        let mut moved = BTreeMap::<bool, usize>::new();
        for key in 0..1000 {
            let key = format!("node {key}");
            let owner = before.host(&key).unwrap();
            let next = before.successors(&key)[1];
            let expected = if owner == "e" { next } else { owner };
            assert_eq!(after.host(&key), Some(expected));
            *moved.entry(owner == "e").or_default() += 1;
        }
        assert!(moved[&true] > 0 && moved[&true] < 400, "{moved:?}");
    }

    /// The part of the circle that the host with the largest one has, in means.
    fn largest_share(ring: &HashRing, hosts: usize) -> f64 {
        let place = |point: &[u8]| {
            let head: [u8; 8] = point[..8].try_into().unwrap();
            u64::from_be_bytes(head)
        };
        let mut before = ring.points.keys().next_back().map(|last| place(last));
        let mut shares = BTreeMap::<&str, u64>::new();
        for (point, host) in &ring.points {
            let here = place(point);
            *shares.entry(host).or_default() += here.wrapping_sub(before.unwrap());
            before = Some(here);
        }
        let largest = shares.values().copied().max().unwrap();
        largest as f64 / u64::MAX as f64 * hosts as f64
    }

    #[test]
    fn three_hosts_have_about_the_same_share_whatever_their_names() {
        let shares = |partition_exponent| {
            let settings = RingSettings {
                partition_exponent,
                ..RingSettings::default()
            };
            let share = |set: u128| {
                // Random enough, and the same each time.
                let name = |host| Algorithm::Md5.digest(format!("{set} {host}").as_bytes());
                let name = |host| uuid::Builder::from_slice(&name(host)).unwrap().into_uuid();
                let names: Vec<String> = (0..3).map(|host| name(host).to_string()).collect();
                largest_share(
                    &HashRing::new(names.iter().map(String::as_str), settings),
                    3,
                )
            };
            (0..100).map(share).fold(1.0, f64::max)
        };
        let largest = shares(RingSettings::default().partition_exponent);
        assert!(largest <= 1.2, "{largest}");
        assert!(shares(5) > 1.2, "with Ironic's points it would not hold");
    }
}
