//! One ring for each pair of conductor group and hardware type, over the conductors that offer it.

use super::{HashRing, RingSettings};
use crate::conductor::ConductorRecord;
use crate::ids::NodeId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The rings of all groups and hardware types.
#[derive(Clone, Debug)]
pub struct Rings(BTreeMap<(String, String), Arc<HashRing>>);

/// No conductor can take the node.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHost {
    #[error("no conductor is running")]
    NoConductor,
    #[error("no running conductor of the group {group:?} offers the hardware type {driver:?}")]
    NotOffered { group: String, driver: String },
}

impl Rings {
    /// From the conductors that are alive; who that is, the caller knows.
    pub fn new<'c>(
        alive: impl IntoIterator<Item = &'c ConductorRecord>,
        settings: RingSettings,
    ) -> Self {
        let mut hosts = BTreeMap::<_, Vec<&str>>::new();
        for conductor in alive {
            for driver in &conductor.drivers {
                let ring = (conductor.conductor_group.to_lowercase(), driver.clone());
                hosts.entry(ring).or_default().push(&conductor.hostname);
            }
        }
        // Most hardware types are offered by the same conductors, and so have the same ring.
        let mut made = BTreeMap::<Vec<&str>, Arc<HashRing>>::new();
        let rings = hosts.into_iter().map(|(ring, hosts)| {
            let known = made.entry(hosts).or_insert_with_key(|hosts| {
                Arc::new(HashRing::new(hosts.iter().copied(), settings))
            });
            (ring, known.clone())
        });
        Self(rings.collect())
    }

    /// The conductor that a node belongs to. Groups differ by more than upper and lower case.
    ///
    /// # Errors
    /// [`NoHost`] says whether there is no conductor at all (503 to the caller) or only none for this node (400).
    pub fn host(&self, group: &str, driver: &str, node: NodeId) -> Result<&str, NoHost> {
        let ring = (group.to_lowercase(), driver.to_owned());
        let host = self
            .0
            .get(&ring)
            .and_then(|ring| ring.host(&node.to_string()));
        host.ok_or_else(|| {
            if self.0.is_empty() {
                return NoHost::NoConductor;
            }
            NoHost::NotOffered {
                group: group.to_owned(),
                driver: driver.to_owned(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Incarnation;
    use jiff::Timestamp;
    use uuid::Uuid;

    fn conductor(hostname: &str, group: &str, drivers: &[&str]) -> ConductorRecord {
        ConductorRecord {
            hostname: hostname.to_owned(),
            incarnation: Incarnation(Uuid::nil()),
            conductor_group: group.to_owned(),
            drivers: drivers.iter().map(ToString::to_string).collect(),
            interfaces: BTreeMap::new(),
            online: true,
            address: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            own_clock: None,
        }
    }

    #[test]
    fn each_group_and_hardware_type_has_its_own_conductors() {
        let conductors = [
            conductor("a", "", &["redfish", "ipmi"]),
            conductor("b", "", &["redfish"]),
            conductor("c", "Rack1", &["redfish"]),
        ];
        let rings = Rings::new(&conductors, RingSettings::default());
        for number in 0..50 {
            let host = |group, driver| {
                let node = NodeId(Uuid::from_u128(number));
                rings.host(group, driver, node)
            };
            assert!(["a", "b"].contains(&host("", "redfish").unwrap()));
            assert_eq!(host("", "ipmi"), Ok("a"));
            assert_eq!(host("rack1", "redfish"), Ok("c"));
            assert_eq!(host("RACK1", "redfish"), Ok("c"));
            assert!(matches!(
                host("rack1", "ipmi"),
                Err(NoHost::NotOffered { .. })
            ));
        }
    }

    #[test]
    fn no_conductor_is_another_error_than_none_for_this_node() {
        let rings = Rings::new([], RingSettings::default());
        let node = NodeId(Uuid::nil());
        assert_eq!(rings.host("", "redfish", node), Err(NoHost::NoConductor));
    }
}
