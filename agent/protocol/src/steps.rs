//! Steps of cleaning, deploying and servicing: how an agent offers them and how a conductor has one run.
//!
//! The three kinds differ in the names of keys only; those names are made here and nowhere else.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::lenient;
use crate::node::Node;

/// What a step belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StepKind {
    /// Cleaning: before a node may be used.
    Clean,
    /// Deploying: putting an image on it.
    Deploy,
    /// Servicing: work on a node that keeps its instance.
    Service,
}

impl StepKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Clean, Self::Deploy, Self::Service];

    /// The name of the agent's extension, which is also the prefix of every key.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Deploy => "deploy",
            Self::Service => "service",
        }
    }

    fn key(self, suffix: &str) -> String {
        format!("{}_{suffix}", self.name())
    }

    /// The command that lists the steps, without its extension: `get_clean_steps`.
    #[must_use]
    pub fn list_command(self) -> String {
        format!("get_{}_steps", self.name())
    }

    /// The command that runs a step, without its extension: `execute_clean_step`.
    #[must_use]
    pub fn execute_command(self) -> String {
        format!("execute_{}_step", self.name())
    }
}

/// A step that an agent offers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepSpec {
    /// The step's name.
    pub step: String,
    /// The interface that it belongs to: `deploy`, `raid`, ...
    pub interface: String,
    /// Its place in the order, highest first; 0 is not run on its own.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub priority: i64,
    /// Whether the machine must be rebooted after it.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub reboot_requested: bool,
    /// Whether an operator may abort it.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub abortable: bool,
    /// What it can be told, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argsinfo: Option<Map<String, Value>>,
    /// Keys that only some hardware managers have.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The answer of `get_*_steps`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepList {
    /// The steps by hardware manager; conductors ignore the manager.
    pub steps: BTreeMap<String, Vec<StepSpec>>,
    /// The versions of the hardware managers, sent back with each step.
    pub hardware_manager_version: BTreeMap<String, String>,
}

/// Why an answer about steps cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A key that must be there is not.
    #[error("the key {0:?} is missing")]
    Missing(String),
    /// A key has a value of the wrong form.
    #[error("reading {key:?}")]
    Invalid {
        /// The key.
        key: String,
        /// What is wrong with its value.
        #[source]
        source: serde_json::Error,
    },
}

impl StepList {
    /// The value on the wire.
    #[must_use]
    pub fn to_value(&self, kind: StepKind) -> Value {
        json!({
            kind.key("steps"): self.steps,
            "hardware_manager_version": self.hardware_manager_version,
        })
    }

    /// Reads the result of `get_*_steps`.
    ///
    /// # Errors
    /// When one of the two keys is missing or malformed.
    pub fn from_value(kind: StepKind, value: &Value) -> Result<Self, StepError> {
        Ok(Self {
            steps: field(value, &kind.key("steps"))?,
            hardware_manager_version: field(value, "hardware_manager_version")?,
        })
    }
}

fn field<T: DeserializeOwned>(value: &Value, key: &str) -> Result<T, StepError> {
    let found = value
        .get(key)
        .ok_or_else(|| StepError::Missing(key.to_owned()))?;
    serde_json::from_value(found.clone()).map_err(|source| StepError::Invalid {
        key: key.to_owned(),
        source,
    })
}

/// A step to be run, as the conductor sends and the agent echoes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepCall {
    /// The interface that it belongs to.
    pub interface: String,
    /// The step's name.
    pub step: String,
    /// What it is told.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub args: Map<String, Value>,
    /// Priority, abortable and whatever else came with it.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The parameters of `execute_*_step`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecuteStep {
    /// What to run.
    pub step: StepCall,
    /// The node that this machine is.
    pub node: Node,
    /// Its ports.
    pub ports: Vec<Value>,
    /// The versions that the step list was made with; absent skips the check.
    pub version: Option<BTreeMap<String, String>>,
}

impl ExecuteStep {
    /// The parameters on the wire.
    #[must_use]
    pub fn to_params(&self, kind: StepKind) -> Map<String, Value> {
        let mut params = Map::new();
        params.insert("step".to_owned(), json!(self.step));
        params.insert("node".to_owned(), json!(self.node));
        params.insert("ports".to_owned(), json!(self.ports));
        params.insert(kind.key("version"), json!(self.version));
        params
    }

    /// Reads the parameters.
    ///
    /// # Errors
    /// When the step or the node is missing or malformed.
    pub fn from_params(kind: StepKind, mut params: Map<String, Value>) -> Result<Self, StepError> {
        Ok(Self {
            step: required(&mut params, "step")?,
            node: required(&mut params, "node")?,
            ports: optional(&mut params, "ports")?.unwrap_or_default(),
            version: optional(&mut params, &kind.key("version"))?,
        })
    }
}

/// Takes a value out of the parameters; it may be large, so it is not copied.
fn required<T: DeserializeOwned>(
    params: &mut Map<String, Value>,
    key: &str,
) -> Result<T, StepError> {
    optional(params, key)?.ok_or_else(|| StepError::Missing(key.to_owned()))
}

fn optional<T: DeserializeOwned>(
    params: &mut Map<String, Value>,
    key: &str,
) -> Result<Option<T>, StepError> {
    let Some(value) = params.remove(key).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let parsed = serde_json::from_value(value);
    parsed.map(Some).map_err(|source| StepError::Invalid {
        key: key.to_owned(),
        source,
    })
}

/// The result of `execute_*_step`.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOutcome {
    /// What the step answered.
    pub result: Value,
    /// The step, without its arguments: they may hold a config drive and passwords, and every list of the commands
    /// would repeat them. Conductors compare interface and name only.
    pub step: Value,
}

impl StepOutcome {
    /// The outcome of a call.
    #[must_use]
    pub fn of(call: &StepCall, result: Value) -> Self {
        Self {
            result,
            step: json!({"interface": call.interface, "step": call.step}),
        }
    }

    /// The value on the wire.
    #[must_use]
    pub fn to_value(&self, kind: StepKind) -> Value {
        json!({kind.key("result"): self.result, kind.key("step"): self.step})
    }

    /// Reads the result of `execute_*_step`.
    ///
    /// # Errors
    /// When one of the two keys is missing.
    pub fn from_value(kind: StepKind, value: &Value) -> Result<Self, StepError> {
        Ok(Self {
            result: field(value, &kind.key("result"))?,
            step: field(value, &kind.key("step"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_an_ironic_agent_is_read() {
        let wire = json!({
            "clean_steps": {"GenericHardwareManager": [{
                "step": "erase_devices_metadata", "priority": 99, "interface": "deploy",
                "reboot_requested": false, "abortable": true,
            }]},
            "hardware_manager_version": {"generic_hardware_manager": "1.2"},
        });
        let list = StepList::from_value(StepKind::Clean, &wire).unwrap();
        assert_eq!(list.steps["GenericHardwareManager"][0].priority, 99);
        assert_eq!(list.to_value(StepKind::Clean), wire);
        let error = StepList::from_value(StepKind::Deploy, &wire).unwrap_err();
        assert_eq!(error.to_string(), "the key \"deploy_steps\" is missing");
    }

    #[test]
    fn parameters_survive_the_round_trip() {
        let wire = json!({
            "step": {
                "interface": "deploy", "step": "write_image", "args": {"configdrive": null}, "priority": 80,
            },
            "node": {
                "uuid": "1be26c0b-03f2-4d2e-ae87-c02d7f33c781", "properties": {}, "instance_info": {},
                "driver_internal_info": {}, "name": "one",
            },
            "ports": [{"address": "52:54:00:00:00:01"}],
            "deploy_version": {"generic_hardware_manager": "1.2"},
        });
        let params = wire.as_object().unwrap().clone();
        let execute = ExecuteStep::from_params(StepKind::Deploy, params).unwrap();
        assert_eq!(Value::Object(execute.to_params(StepKind::Deploy)), wire);
    }

    #[test]
    fn the_echoed_step_holds_no_arguments() {
        let call: StepCall = serde_json::from_value(
            json!({"interface": "deploy", "step": "write_image", "args": {"configdrive": "secret"}}),
        )
        .unwrap();
        let wire = StepOutcome::of(&call, json!("done")).to_value(StepKind::Deploy);
        let expected = json!({
            "deploy_result": "done",
            "deploy_step": {"interface": "deploy", "step": "write_image"},
        });
        assert_eq!(wire, expected);
    }
}
