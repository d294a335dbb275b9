//! A hardware manager that is a program: what it says of itself, and what it is asked.

use ferric_agent_protocol::steps::{StepKind, StepSpec};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer::CallError;
use super::program::{PROTOCOL, Program, Request};
use super::steps::check_steps;
use super::{BUILT_IN, CONTAINERS, ManagerError};
use crate::commands::MANAGER;
use crate::progress::Progress;

/// What a program may do beyond steps, if it says that it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extra {
    Initialize,
    OverrideInventory,
    CollectInspection,
}

impl Extra {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::OverrideInventory => "override_inventory",
            Self::CollectInspection => "collect_inspection",
        }
    }
}

/// A manager whose hardware is there.
#[derive(Clone, Debug)]
pub struct Manager {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) support: u32,
    extras: Vec<String>,
    program: Program,
}

/// A step to be run.
#[derive(Clone, Debug)]
pub struct StepOrder {
    pub kind: StepKind,
    pub interface: String,
    pub step: String,
    pub args: Map<String, Value>,
    pub node: Value,
    pub ports: Vec<Value>,
}

/// The answer to `describe`.
#[derive(Deserialize)]
struct Description {
    name: String,
    version: String,
    protocol: u32,
    /// Names that a later agent may know are no error.
    #[serde(default)]
    calls: Vec<String>,
}

impl Description {
    fn check(&self) -> Result<(), CallError> {
        let wrong = |text: String| Err(CallError::Content(text));
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let name = &self.name;
        if !(1..=64).contains(&name.len()) || !name.bytes().all(is_letter) {
            return wrong(format!(
                "a name has 1 to 64 letters, digits, dots, dashes and underscores, and this is {name:?}"
            ));
        }
        if [BUILT_IN, CONTAINERS, MANAGER].contains(&name.as_str()) {
            return wrong(format!("{name} is the name of the built-in manager"));
        }
        if !(1..=64).contains(&self.version.len()) {
            return wrong(format!(
                "a version has 1 to 64 letters, and this is {:?}",
                self.version
            ));
        }
        if self.protocol != PROTOCOL {
            return wrong(format!(
                "it speaks protocol {}, and this agent speaks {PROTOCOL}",
                self.protocol
            ));
        }
        Ok(())
    }
}

impl Manager {
    /// Asks a program what it is and whether its hardware is there; `None` if it is not.
    pub(super) fn open(program: Program) -> Result<Option<Self>, ManagerError> {
        let failed = |call| {
            let program = program.file_name();
            move |source| ManagerError::new(program, call, source)
        };
        let description: Description = program
            .ask("describe", Map::new())
            .map_err(failed("describe"))?;
        description.check().map_err(failed("describe"))?;
        let call = "evaluate_hardware_support";
        let support: u32 = program.ask(call, Map::new()).map_err(failed(call))?;
        let Description {
            name,
            version,
            calls: extras,
            ..
        } = description;
        tracing::info!(name, version, support, program = %program.path().display(), "a hardware manager");
        Ok((support > 0).then_some(Self {
            name,
            version,
            support,
            extras,
            program,
        }))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn file_name(&self) -> String {
        self.program.file_name()
    }

    pub(super) fn has(&self, extra: Extra) -> bool {
        self.extras.iter().any(|name| name == extra.name())
    }

    pub(super) fn initialize(&self) -> Result<(), ManagerError> {
        let _: Value = self.ask(Extra::Initialize.name(), Map::new())?;
        Ok(())
    }

    /// A merge patch for the inventory.
    pub(super) fn override_inventory(&self, inventory: &Value) -> Result<Request, ManagerError> {
        let request = Map::from_iter([("inventory".to_owned(), inventory.clone())]);
        self.ask(Extra::OverrideInventory.name(), request)
    }

    /// Keys for the inspection data.
    pub(super) fn collect_inspection(&self) -> Result<Request, ManagerError> {
        self.ask(Extra::CollectInspection.name(), Map::new())
    }

    pub(super) fn list_steps(
        &self,
        kind: StepKind,
        node: &Value,
        ports: &Value,
    ) -> Result<Vec<StepSpec>, ManagerError> {
        let request = Map::from_iter([
            ("kind".to_owned(), json!(kind.name())),
            ("node".to_owned(), node.clone()),
            ("ports".to_owned(), ports.clone()),
        ]);
        let call = "list_steps";
        let steps: Vec<StepSpec> = self.ask(call, request)?;
        check_steps(kind, &steps)
            .map_err(|text| ManagerError::new(&self.name, call, CallError::Content(text)))?;
        Ok(steps)
    }

    /// Runs a step to its end.
    ///
    /// # Errors
    /// When the program says that it failed, or fails to say anything.
    pub fn run_step(&self, order: StepOrder, progress: &Progress) -> Result<Value, ManagerError> {
        let request = Map::from_iter([
            ("kind".to_owned(), json!(order.kind.name())),
            ("interface".to_owned(), Value::String(order.interface)),
            ("step".to_owned(), Value::String(order.step)),
            ("args".to_owned(), Value::Object(order.args)),
            ("node".to_owned(), order.node),
            ("ports".to_owned(), Value::Array(order.ports)),
        ]);
        let result = self.program.run_step(request, progress);
        result.map_err(|source| ManagerError::new(&self.name, "run_step", source))
    }

    fn ask<T: serde::de::DeserializeOwned>(
        &self,
        call: &'static str,
        request: Request,
    ) -> Result<T, ManagerError> {
        let answer = self.program.ask(call, request);
        answer.map_err(|source| ManagerError::new(&self.name, call, source))
    }
}
