//! Steps of all hardware managers: the list of them, and which manager runs one.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferric_agent_protocol::node::Node;
use ferric_agent_protocol::steps::{ExecuteStep, StepKind, StepList, StepOutcome};
use serde::Deserialize;
use serde_json::{Value, json};

use super::containers;
use super::failure::Failure;
use super::offered::{names, own_steps};
use super::run::{Outcome, Params, Run, on_thread};
use super::steps::{MANAGER, MANAGER_VERSION, error_kind, with_step_arguments};
use crate::managers::{
    BUILT_IN, BUILT_IN_SUPPORT, CONTAINERS, Manager, Managers, Offer, StepOrder, deduplicate,
};

/// The versions of all managers, the built-in one among them.
pub(super) fn versions(managers: &Managers) -> BTreeMap<String, String> {
    let mut versions = managers.versions();
    versions.insert(MANAGER.to_owned(), MANAGER_VERSION.to_owned());
    versions
}

/// The result of `get_*_steps`: what is left to each manager of its steps. The built-in one is always in the list.
pub(super) async fn list(run: &Run, kind: StepKind, mut params: Params) -> Outcome {
    let mut take = |key: &str| params.remove(key).unwrap_or(Value::Null);
    let (node, ports) = (take("node"), take("ports"));
    // One that cannot be understood is for those who list their steps by it to judge.
    if let Ok(node) = Node::deserialize(&node) {
        run.agent.remember(&node);
    }
    let offers = offers(run, kind, node, ports).await?;
    let steps = offers
        .into_iter()
        .filter(|offer| offer.name == BUILT_IN || !offer.steps.is_empty())
        .map(|offer| (offer.name, offer.steps));
    let list = StepList {
        steps: steps.collect(),
        hardware_manager_version: versions(&run.agent.managers),
    };
    Ok(list.to_value(kind))
}

async fn offers(
    run: &Run,
    kind: StepKind,
    node: Value,
    ports: Value,
) -> Result<Vec<Offer>, Failure> {
    let built_in = Offer {
        name: BUILT_IN.to_owned(),
        support: BUILT_IN_SUPPORT,
        manager: None,
        steps: own_steps(kind, &run.agent.settings),
    };
    let of_containers = Offer {
        name: CONTAINERS.to_owned(),
        support: BUILT_IN_SUPPORT,
        manager: None,
        steps: containers::steps(run, kind, names()).await?,
    };
    let agent = Arc::clone(&run.agent);
    let listed = on_thread(move || agent.managers.list_steps(kind, &node, &ports)).await?;
    let mut all = listed.map_err(|error| Failure::caused_by(error_kind(kind), &error))?;
    all.extend([built_in, of_containers]);
    Ok(deduplicate(all))
}

/// The manager of others that has this step; `None` if it is for the built-in one. The managers are asked anew, as an
/// agent that was started again has not seen the list that the conductor has.
pub(super) async fn manager_of(
    run: &Run,
    kind: StepKind,
    call: &ExecuteStep,
) -> Result<Option<Arc<Manager>>, Failure> {
    if run.agent.managers.is_empty() {
        return Ok(None);
    }
    let offers = offers(run, kind, json!(call.node), json!(call.ports)).await?;
    let name = &call.step.step;
    let has_it = |offer: &&Offer| offer.steps.iter().any(|spec| spec.step == *name);
    if let Some(offer) = offers.iter().find(has_it) {
        return Ok(offer.manager.clone());
    }
    let names: Vec<&str> = offers
        .iter()
        .flat_map(|offer| offer.steps.iter().map(|spec| spec.step.as_str()))
        .collect();
    let details = format!(
        "no hardware manager of this agent has a {} step {name:?}; they have: {}",
        kind.name(),
        names.join(", ")
    );
    Err(Failure::new(error_kind(kind), details))
}

/// Has a manager of others run a step. Parameters of the command are arguments, too.
pub(super) async fn execute(
    run: &Run,
    kind: StepKind,
    manager: Arc<Manager>,
    mut call: ExecuteStep,
    params: Params,
) -> Outcome {
    let outcome = StepOutcome::of(&call.step, Value::Null);
    let args = with_step_arguments(params, std::mem::take(&mut call.step.args));
    let order = StepOrder {
        kind,
        interface: call.step.interface,
        step: call.step.step,
        args,
        node: json!(call.node),
        ports: call.ports,
    };
    let progress = run.progress.clone();
    // What it leaves behind when the agent dies is not known either.
    run.agent.ledger.run_once();
    if kind == StepKind::Clean {
        // What it does to the disks is not known here.
        run.agent.forget_written();
    }
    let result = on_thread(move || manager.run_step(order, &progress)).await?;
    let result = result.map_err(|error| Failure::caused_by(error_kind(kind), &error))?;
    Ok(StepOutcome { result, ..outcome }.to_value(kind))
}
