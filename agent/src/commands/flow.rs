//! `flow.start_flow`: several commands in order, until one fails.

use serde_json::{Value, json};

use super::catalog::{AfterCrash, Command};
use super::failure::{ErrorKind, Failure};
use super::image;
use super::run::{Outcome, Params, Run};

/// More than any operator writes down.
const MAX_COMMANDS: usize = 100;

pub(super) async fn start(run: &Run, params: Params) -> Outcome {
    let commands =
        parse(&params).map_err(|details| Failure::new(ErrorKind::CommandExecution, details))?;
    let mut results = Vec::new();
    for (command, params) in commands {
        // A flow within a flow is refused, so this does not recurse.
        let outcome = Box::pin(run.to_end(command, params)).await;
        let value = outcome.map_err(|failure| Failure {
            details: format!("{} failed: {}", command.name(), failure.details),
            ..failure
        })?;
        results.push(json!({"command_name": command.name(), "command_result": value}));
    }
    Ok(Value::Array(results))
}

/// A flow is begun again if each of its commands may be.
pub(super) fn after_crash(params: &Params) -> AfterCrash {
    let Ok(commands) = parse(params) else {
        return AfterCrash::Fails;
    };
    let may_be_repeated =
        |(command, params): &(Command, Params)| command.after_crash(params) == AfterCrash::Again;
    if commands.iter().all(may_be_repeated) {
        AfterCrash::Again
    } else {
        AfterCrash::Fails
    }
}

/// `[{"ext.cmd": {params}}, ...]`; all of it is understood before the first command begins.
fn parse(params: &Params) -> Result<Vec<(Command, Params)>, String> {
    let flow = params
        .get("flow")
        .and_then(Value::as_array)
        .ok_or("flow must be a list of commands")?;
    let steps = flow.iter().map(|step| {
        step.as_object()
            .ok_or("a command of a flow must be an object")
    });
    let mut commands = Vec::new();
    for step in steps {
        for (name, params) in step? {
            if commands.len() == MAX_COMMANDS {
                return Err(format!("a flow has at most {MAX_COMMANDS} commands"));
            }
            let command =
                Command::parse(name).map_err(|_| format!("there is no command {name:?}"))?;
            if command == Command::StartFlow {
                return Err("a flow cannot contain a flow".to_owned());
            }
            let params = params
                .as_object()
                .ok_or_else(|| format!("the parameters of {name} must be an object"))?;
            image::validate(command, params).map_err(|error| format!("{name}: {error}"))?;
            commands.push((command, params.clone()));
        }
    }
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flow: &Value, expected: Result<Vec<&str>, &str>) {
        let params = json!({"flow": flow});
        let parsed = parse(params.as_object().unwrap());
        let names = parsed.map(|commands| {
            commands
                .iter()
                .map(|(command, _)| command.name())
                .collect::<Vec<_>>()
        });
        assert_eq!(
            names,
            expected
                .map(|names| names.into_iter().map(str::to_owned).collect())
                .map_err(str::to_owned)
        );
    }

    #[test]
    fn a_flow_has_an_end() {
        let sync = json!({"standby.sync": {}});
        check(
            &json!(vec![sync.clone(); MAX_COMMANDS]),
            Ok(vec!["sync"; MAX_COMMANDS]),
        );
        check(
            &json!(vec![sync; MAX_COMMANDS + 1]),
            Err("a flow has at most 100 commands"),
        );
    }

    #[test]
    fn a_flow_is_understood_before_it_begins() {
        let good = json!([{"standby.sync": {}}, {"poll.get_hardware_info": {}}]);
        check(&good, Ok(vec!["sync", "get_hardware_info"]));
        check(
            &json!([{"standby.sync": {}}, {"no.such": {}}]),
            Err("there is no command \"no.such\""),
        );
        check(
            &json!([{"flow.start_flow": {}}]),
            Err("a flow cannot contain a flow"),
        );
        check(&json!("x"), Err("flow must be a list of commands"));
        check(
            &json!([{"standby.sync": {}}, {"standby.prepare_image": {}}]),
            Err("standby.prepare_image: image_info is missing"),
        );
        check(
            &json!([{"standby.sync": 1}]),
            Err("the parameters of standby.sync must be an object"),
        );
    }
}
