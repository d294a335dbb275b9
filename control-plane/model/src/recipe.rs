//! Lists of steps that operators store by name: deploy templates and runbooks. Field names are those of the wire.
//!
//! What a step means to a node is decided when it is used, not here.

use crate::ids::{RunbookId, TemplateId};
use crate::node::Object;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Steps that are added to the deploy of every instance that asks for the trait of this name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeployTemplate {
    pub uuid: TemplateId,
    /// A trait.
    pub name: String,
    pub steps: Vec<TemplateStep>,
    pub extra: Object,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

/// A step of a deploy template; priority 0 takes the step of this name out of the deploy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemplateStep {
    pub interface: String,
    pub step: String,
    pub args: Object,
    pub priority: u32,
}

/// Steps for cleaning and service that are asked for by one name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Runbook {
    pub uuid: RunbookId,
    pub name: String,
    pub steps: Vec<RunbookStep>,
    pub disable_ramdisk: bool,
    /// Everybody may use it; then it has no owner.
    pub public: bool,
    pub owner: Option<String>,
    pub extra: Object,
    pub description: Option<String>,
    /// Nodes with one of these may use it.
    pub traits: Vec<String>,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

/// A step of a runbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunbookStep {
    pub interface: String,
    pub step: String,
    pub args: Object,
    /// Its rank: lowest first, equal ones as they stand.
    pub order: u64,
}

impl DeployTemplate {
    /// One without a name and steps, which must be given before it is stored.
    pub fn new(uuid: TemplateId, created_at: Timestamp) -> Self {
        Self {
            uuid,
            name: String::new(),
            steps: Vec::new(),
            extra: Object::new(),
            created_at,
            updated_at: None,
        }
    }
}

impl Runbook {
    /// One without a name and steps, which must be given before it is stored.
    pub fn new(uuid: RunbookId, created_at: Timestamp) -> Self {
        Self {
            uuid,
            name: String::new(),
            steps: Vec::new(),
            disable_ramdisk: false,
            public: false,
            owner: None,
            extra: Object::new(),
            description: None,
            traits: Vec::new(),
            created_at,
            updated_at: None,
        }
    }

    /// The steps by rank.
    pub fn in_order(&self) -> Vec<&RunbookStep> {
        let mut steps: Vec<_> = self.steps.iter().collect();
        steps.sort_by_key(|step| step.order);
        steps
    }

    /// Whether a node carries the runbook's name as a trait: the only way to allow it until 1.111.
    pub fn is_named_by(&self, traits: &[String]) -> bool {
        traits.contains(&self.name)
    }

    /// Whether a node shares a trait with it: the way since 1.112.
    pub fn shares_trait(&self, traits: &[String]) -> bool {
        self.traits.iter().any(|own| traits.contains(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn runbooks_are_ordered_by_rank_and_then_as_they_stand() {
        let mut runbook = Runbook::new(RunbookId(Uuid::nil()), Timestamp::UNIX_EPOCH);
        for (name, order) in [("c", 2), ("a", 1), ("b", 1)] {
            runbook.steps.push(RunbookStep {
                interface: "deploy".to_owned(),
                step: name.to_owned(),
                args: Object::new(),
                order,
            });
        }
        let names: Vec<_> = runbook
            .in_order()
            .iter()
            .map(|step| step.step.as_str())
            .collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn nodes_are_allowed_by_name_or_by_a_shared_trait() {
        let mut runbook = Runbook::new(RunbookId(Uuid::nil()), Timestamp::UNIX_EPOCH);
        runbook.name = "CUSTOM_A".to_owned();
        runbook.traits = vec!["CUSTOM_B".to_owned()];
        let node = |name: &str| vec![name.to_owned()];
        assert!(runbook.is_named_by(&node("CUSTOM_A")) && !runbook.is_named_by(&node("CUSTOM_B")));
        assert!(
            runbook.shares_trait(&node("CUSTOM_B")) && !runbook.shares_trait(&node("CUSTOM_A"))
        );
    }
}
