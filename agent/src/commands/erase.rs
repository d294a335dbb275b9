//! The steps that erase: disks, their metadata only, and the kernel's pstore.

use std::error::Error;
use std::sync::Arc;

use ferric_agent_protocol::erase::EraseRecord;
use ferric_agent_protocol::node::Node;
use ferric_agent_protocol::steps::StepKind;
use serde_json::{Map, Value, json};

use super::failure::{ErrorKind, Failure};
use super::run::{Outcome, Run, on_thread};
use super::steps::error_kind;
use crate::disk::{self, Depth, EraseError, PartlyErased};

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
        let failure = Failure::caused_by(class(kind, partly.error()), &partly);
        if partly.records.is_empty() {
            return failure;
        }
        failure.with_done(by_device(partly.records))
    })
}

/// That of Ironic's agent: the disks are at fault, or what is asked for.
fn class(kind: StepKind, error: &EraseError) -> ErrorKind {
    match error {
        EraseError::Shared { .. } => ErrorKind::ProtectedDevice,
        EraseError::Device { .. }
        | EraseError::Held { .. }
        | EraseError::ReadBack { .. }
        | EraseError::Several(_) => ErrorKind::BlockDeviceErase,
        EraseError::Disk(_) | EraseError::Knob { .. } | EraseError::Pstore { .. } => {
            error_kind(kind)
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_stands_in_the_way_has_a_class_of_its_own() {
        let class = |error: EraseError| {
            let failure = ended(StepKind::Clean, Err(PartlyErased::from(error))).unwrap_err();
            failure.to_error().kind
        };
        let held = EraseError::Held {
            device: "/dev/sda".to_owned(),
            holders: "md0".to_owned(),
        };
        assert_eq!(class(held), "BlockDeviceEraseError");
        let several = EraseError::Several("a; b".to_owned());
        assert_eq!(class(several), "BlockDeviceEraseError");
        let shared = EraseError::Shared {
            path: "/dev/sda".into(),
            kind: disk::SharedFileSystem::Gfs2,
        };
        assert_eq!(class(shared), "ProtectedDeviceError");
        let knob = EraseError::Knob {
            name: "agent_erase_devices_iterations",
            value: "-1".to_owned(),
            expected: "a number",
        };
        assert_eq!(class(knob), "CleaningError");
    }
}
