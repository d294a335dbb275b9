//! The steps that erase: disks, their metadata only, and the kernel's pstore.

use std::error::Error;
use std::sync::Arc;

use ferric_agent_protocol::erase::EraseRecord;
use ferric_agent_protocol::node::Node;
use ferric_agent_protocol::steps::StepKind;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::run::{Outcome, Run, on_thread};
use super::steps::error_kind;
use crate::disk::{self, Depth, PartlyErased};

/// `erase_devices` and `erase_devices_express`: the result is a record of each disk by its name, where Ironic's agent
/// has what its hardware manager answered. Where a disk was not erased, the failure has those of the others.
pub(super) async fn devices(run: &Run, kind: StepKind, node: Node, depth: Depth) -> Outcome {
    permits_disks(run, kind)?;
    let (agent, progress) = (Arc::clone(&run.agent), run.progress.clone());
    let erase = move || {
        let stop = &agent.stop_writing;
        disk::erase_devices(&agent.host, &node, depth, &progress, stop)
    };
    // Whatever becomes of the step, no image is whole any more.
    run.agent.forget_written();
    ended(kind, on_thread(erase).await?)
}

fn ended(kind: StepKind, erased: Result<Vec<EraseRecord>, PartlyErased>) -> Outcome {
    erased.map(by_device).map_err(|partly| {
        let failure = failed(kind, &partly);
        if partly.records.is_empty() {
            return failure;
        }
        failure.with_done(by_device(partly.records))
    })
}

fn by_device(records: Vec<EraseRecord>) -> Value {
    let records = records
        .into_iter()
        .map(|record| (record.device.clone(), json!(record)));
    Value::Object(Map::from_iter(records))
}

/// `erase_devices_metadata`: a record of each disk, as the two above, where Ironic's agent answers with nothing; its
/// conductor takes any value.
pub(super) async fn metadata(run: &Run, kind: StepKind, node: Node) -> Outcome {
    permits_disks(run, kind)?;
    let agent = Arc::clone(&run.agent);
    // Whatever becomes of the step, no image is whole any more.
    run.agent.forget_written();
    let erased = on_thread(move || disk::erase_metadata(&agent.host, Some(&node))).await?;
    ended(kind, erased)
}

/// `erase_pstore`.
pub(super) async fn pstore(run: &Run, kind: StepKind) -> Outcome {
    let permit = run.agent.host.permits_system();
    let permit = permit.map_err(|error| failed(kind, &error))?;
    let erased = on_thread(move || disk::erase_pstore(&permit)).await?;
    let entries = erased.map_err(|error| failed(kind, &error))?;
    tracing::info!(entries, "the kernel's pstore is empty");
    Ok(Value::Null)
}

/// Without a disk that may be erased, having erased them all would be no more than a way of speaking.
fn permits_disks(run: &Run, kind: StepKind) -> Result<(), Failure> {
    let permitted = run.agent.host.permits_disks();
    permitted.map_err(|error| failed(kind, &error))
}

fn failed(kind: StepKind, error: &dyn Error) -> Failure {
    Failure::caused_by(error_kind(kind), error)
}
