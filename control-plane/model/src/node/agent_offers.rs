//! What an agent told of the steps that it has: kept beyond its session, to foresee the next deploy.

use crate::step::StepId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// It is stored with every node, and so is kept small.
const MOST: usize = 64;
const LONGEST_NAME: usize = 128;

/// The deploy steps that the ramdisk's agent had when it was asked last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentOffers {
    pub as_of: Timestamp,
    /// Of the agent, as its heartbeats say it.
    pub version: Option<String>,
    /// `deploy.write_image` -> its priority.
    steps: BTreeMap<String, u32>,
}

impl AgentOffers {
    /// The first of several steps of a name counts. Of very many only those are kept that come first.
    pub fn new(
        as_of: Timestamp,
        version: Option<String>,
        steps: impl IntoIterator<Item = (StepId, u32)>,
    ) -> Self {
        let mut kept = BTreeMap::new();
        for (id, priority) in steps {
            let name = id.to_string();
            if name.len() <= LONGEST_NAME {
                kept.entry(name).or_insert(priority);
            }
        }
        let mut ranked: Vec<(String, u32)> = kept.into_iter().collect();
        ranked.sort_by_key(|(_, priority)| Reverse(*priority));
        ranked.truncate(MOST);
        Self {
            as_of,
            version,
            steps: ranked.into_iter().collect(),
        }
    }

    /// With their priorities, by name.
    pub fn steps(&self) -> impl Iterator<Item = (StepId, u32)> + '_ {
        self.steps.iter().filter_map(|(name, priority)| {
            let (interface, step) = name.split_once('.')?;
            Some((StepId::new(interface, step), *priority))
        })
    }

    pub fn has(&self, step: &StepId) -> bool {
        self.steps.contains_key(&step.to_string())
    }

    /// Whether a step that is not among them was not told.
    pub fn is_whole(&self) -> bool {
        self.steps.len() < MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::NodeId;
    use crate::node::Node;
    use serde_json::json;
    use uuid::Uuid;

    fn offers(steps: impl IntoIterator<Item = (String, u32)>) -> AgentOffers {
        let steps = steps
            .into_iter()
            .map(|(name, priority)| (StepId::new("deploy", &name), priority));
        AgentOffers::new(Timestamp::UNIX_EPOCH, Some("11".to_owned()), steps)
    }

    #[test]
    fn what_is_kept_is_small_and_the_first_of_a_name() {
        let many = (0..500).map(|number| (format!("step{number}"), number));
        let all = offers(many.chain([("x".repeat(9000), 9000), ("step0".to_owned(), 9000)]));
        assert!(!all.is_whole());
        let stored = serde_json::to_vec(&all).unwrap();
        assert!(stored.len() < 2048, "{}", stored.len());
        assert!(all.has(&StepId::new("deploy", "step499")));
        assert!(!all.has(&StepId::new("deploy", "step0")));
        let few = offers([("a.b".to_owned(), 5), ("a.b".to_owned(), 6)]);
        assert!(few.is_whole());
        let steps: Vec<_> = few.steps().collect();
        assert_eq!(steps, [(StepId::new("deploy", "a.b"), 5)]);
    }

    #[test]
    fn nodes_of_older_releases_have_none_and_new_ones_say_nothing_of_it() {
        let mut node = Node::new(NodeId(Uuid::nil()), "redfish", Timestamp::UNIX_EPOCH);
        let stored = serde_json::to_value(&node).unwrap();
        assert_eq!(stored.get("agent_offers"), None);
        assert_eq!(serde_json::from_value::<Node>(stored).unwrap(), node);
        node.agent_offers = Some(offers([("write_image".to_owned(), 80)]));
        let stored = serde_json::to_value(&node).unwrap();
        let expected = json!({"as_of": "1970-01-01T00:00:00Z", "version": "11", "steps": {"deploy.write_image": 80}});
        assert_eq!(stored["agent_offers"], expected);
        assert_eq!(serde_json::from_value::<Node>(stored).unwrap(), node);
    }
}
