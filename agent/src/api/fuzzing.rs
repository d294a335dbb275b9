//! The body of a command, as foreign bytes.

use ferric_agent_protocol::params::{FinalizeRescue, InstallBootloader, WriteImage};
use ferric_agent_protocol::steps::{ExecuteStep, StepKind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::commands::parse;

const KINDS: [StepKind; 3] = [StepKind::Clean, StepKind::Deploy, StepKind::Service];

/// A command is refused with a text, or is the same when it is written down and read again; so are the steps in it.
pub(crate) fn command(bytes: &[u8]) {
    let request = match parse(bytes) {
        Ok(request) => request,
        Err(error) => {
            assert!(format!("{error:?}").contains("400 Bad Request"));
            return;
        }
    };
    let written = serde_json::to_vec(&request).expect("what was read from JSON can be written");
    let again = parse(&written).expect("what was written is read");
    assert_eq!(again.name, request.name);
    assert_eq!(
        without_fractions(Value::Object(again.params)),
        without_fractions(Value::Object(request.params.clone()))
    );
    for kind in KINDS {
        let Ok(call) = ExecuteStep::from_params(kind, request.params.clone()) else {
            continue;
        };
        let again = ExecuteStep::from_params(kind, call.to_params(kind));
        assert_eq!(again.ok().as_ref(), Some(&call));
        arguments(&call.step.args);
        drop(call.node.root_device_hints());
        drop(call.node.skipped_disks());
        drop(call.node.skipped_volumes());
    }
    arguments(&request.params);
}

/// Those of the commands that have a form of their own.
fn arguments(params: &Map<String, Value>) {
    drop(read::<WriteImage>(params));
    drop(read::<InstallBootloader>(params));
    drop(read::<FinalizeRescue>(params));
}

fn read<T: DeserializeOwned>(params: &Map<String, Value>) -> Option<T> {
    serde_json::from_value(Value::Object(params.clone())).ok()
}

/// A number with a fraction may lose its last digit, which matters to nobody.
fn without_fractions(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => Value::Null,
        Value::Array(items) => items.into_iter().map(without_fractions).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            fields
                .map(|(key, value)| (key, without_fractions(value)))
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}
