//! Running one step of cleaning, deploying or servicing.

use std::collections::BTreeMap;

use ferric_agent_protocol::params::WriteImage;
use ferric_agent_protocol::steps::{ExecuteStep, StepKind, StepOutcome};
use serde_json::{Map, Value};

use super::catalog::AfterCrash;
use super::failure::{ErrorKind, Failure};
use super::offered::{Action, find, names};
use super::run::{Outcome, Params, Run, arguments};
use super::{burnin, containers, erase, image, inject, managers, nvram, raid};
use crate::disk::Depth;

/// The name and version that a conductor sends back with each step; raised when a step changes its meaning.
pub const MANAGER: &str = "ferric_agent";
pub const MANAGER_VERSION: &str = "1";

/// What becomes of a step when the agent dies; what steps of others leave behind is not known here.
pub(super) fn after_crash(kind: StepKind, params: &Params) -> AfterCrash {
    let name = params.get("step").and_then(|step| step.get("step"));
    let action = name
        .and_then(Value::as_str)
        .and_then(|name| find(kind, name).ok());
    action.map_or(AfterCrash::Fails, Action::after_crash)
}

/// Runs one step. Parameters besides those of the protocol are arguments too; those within the step win.
pub(super) async fn execute(run: &Run, kind: StepKind, params: Params) -> Outcome {
    // Split, not copied: a config drive may be large, and the machine's memory small.
    let is_protocol =
        |key: &str| ["step", "node", "ports"].contains(&key) || key.ends_with("_version");
    let (params, more): (Params, Params) =
        params.into_iter().partition(|(key, _)| is_protocol(key));
    let call = ExecuteStep::from_params(kind, params)
        .map_err(|error| Failure::caused_by(ErrorKind::CommandExecution, &error))?;
    run.agent.remember(&call.node);
    check_version(
        &managers::versions(&run.agent.managers),
        call.version.as_ref(),
    )?;
    if let Some(manager) = managers::manager_of(run, kind, &call).await? {
        return managers::execute(run, kind, manager, call, more).await;
    }
    let echo = StepOutcome::of(&call.step, Value::Null).step;
    let told = |result| {
        let step = echo.clone();
        StepOutcome { result, step }.to_value(kind)
    };
    let action = match find(kind, &call.step.step) {
        Ok(action) => action,
        Err(unknown) => {
            let all = with_step_arguments(more, call.step.args);
            let step = (call.step.step.as_str(), all);
            let result = containers::execute(run, kind, step, names()).await?;
            let result = result.ok_or(unknown)?;
            return Ok(told(result));
        }
    };
    let result = perform(run, kind, action, (call, more)).await;
    let result = result.map_err(|failure| failure.with_done_as(told))?;
    Ok(told(result))
}

/// Runs a step of the built-in manager.
async fn perform(
    run: &Run,
    kind: StepKind,
    action: Action,
    (call, more): (ExecuteStep, Params),
) -> Outcome {
    let node = run.agent.with_leave(call.node);
    match action {
        Action::EraseDevices => erase::devices(run, kind, node, Depth::Everything).await,
        Action::EraseExpress => erase::devices(run, kind, node, Depth::Express).await,
        Action::EraseMetadata => erase::metadata(run, kind, node).await,
        Action::ErasePstore => erase::pstore(run, kind).await,
        Action::BurnIn(part) => burnin::burn_in(run, kind, node, part).await,
        Action::CleanNvram => {
            let all = with_step_arguments(more, call.step.args);
            nvram::clean(run, kind, all).await
        }
        Action::InjectFiles => {
            let all = with_step_arguments(more, call.step.args);
            inject::files(run, kind, node, (call.ports, all)).await
        }
        Action::InstallBootc => {
            let all = with_step_arguments(more, call.step.args);
            containers::install(run, all, node).await
        }
        Action::WriteImage => {
            let all = with_step_arguments(more, call.step.args);
            let wanted: WriteImage = arguments(all)?;
            image::write(run, wanted, node).await
        }
        Action::CreateRaid => raid::create(run, kind, node).await,
        Action::DeleteRaid => raid::delete(run, kind, node).await,
        Action::ApplyRaid => {
            let wanted = arguments(with_step_arguments(more, call.step.args))?;
            raid::apply(run, kind, node, wanted).await
        }
    }
}

pub(super) fn with_step_arguments(mut params: Params, arguments: Map<String, Value>) -> Params {
    params.extend(arguments);
    params
}

fn check_version(
    own: &BTreeMap<String, String>,
    sent: Option<&BTreeMap<String, String>>,
) -> Result<(), Failure> {
    match sent {
        Some(sent) if sent != own => {
            let details = format!(
                "the agent's hardware managers are {own:?}, but the steps were made with {sent:?}"
            );
            Err(Failure::new(ErrorKind::VersionMismatch, details))
        }
        _ => Ok(()),
    }
}

pub(super) fn error_kind(kind: StepKind) -> ErrorKind {
    match kind {
        StepKind::Clean => ErrorKind::Cleaning,
        StepKind::Deploy => ErrorKind::Deployment,
        StepKind::Service => ErrorKind::Servicing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::managers::Managers;
    use serde_json::json;

    #[test]
    fn versions_must_be_equal_if_they_are_sent() {
        let own = managers::versions(&Managers::default());
        assert_eq!(check_version(&own, None), Ok(()));
        assert_eq!(check_version(&own, Some(&own)), Ok(()));
        let other = BTreeMap::from([("generic_hardware_manager".to_owned(), "1.2".to_owned())]);
        let failure = check_version(&own, Some(&other)).unwrap_err();
        assert_eq!(failure.kind, ErrorKind::VersionMismatch);
    }

    #[test]
    fn arguments_of_the_step_win() {
        let params = json!({"a": 1, "b": 1});
        let arguments = json!({"b": 2});
        let all = with_step_arguments(
            params.as_object().unwrap().clone(),
            arguments.as_object().unwrap().clone(),
        );
        assert_eq!(Value::Object(all), json!({"a": 1, "b": 2}));
    }
}
