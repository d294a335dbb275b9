//! The steps of the interface `raid`: software RAID.

use std::sync::Arc;

use ferric_agent_protocol::node::Node;
use ferric_agent_protocol::steps::StepKind;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::argsinfo::{self, Need};
use super::failure::{ErrorKind, Failure};
use super::run::{Outcome, Run, on_thread};
use super::steps::error_kind;
use crate::disk::raid::{self, Existing, Made, RaidError};
use crate::host::Host;

/// The arguments of `apply_configuration`.
#[derive(Debug, Deserialize)]
pub(super) struct Apply {
    raid_config: Value,
    #[serde(default = "yes")]
    delete_existing: bool,
}

fn yes() -> bool {
    true
}

/// What a conductor is told of the arguments of `apply_configuration`.
pub(super) fn apply_argsinfo() -> Map<String, Value> {
    let existing =
        "Whether existing RAID volumes are deleted before; true unless it is said otherwise.";
    argsinfo::argsinfo(&[
        (
            "raid_config",
            Need::Required,
            "The RAID configuration to apply.",
        ),
        ("delete_existing", Need::Optional, existing),
    ])
}

/// `create_configuration`: answers with the node's `target_raid_config`, with nothing where that has no volume of
/// software. A conductor takes the latter for a failure.
pub(super) async fn create(run: &Run, kind: StepKind, node: Node) -> Outcome {
    let wanted = node.rest.get("target_raid_config").cloned();
    let wanted = wanted.unwrap_or_default();
    let given = wanted.clone();
    let create = move |host: &Host| raid::create_configuration(host, &node, &given);
    match on_disks(run, kind, create).await? {
        Made::Volumes => Ok(wanted),
        Made::Nothing => Ok(json!({})),
    }
}

/// `apply_configuration`: answers with the configuration that it was given.
pub(super) async fn apply(run: &Run, kind: StepKind, node: Node, wanted: Apply) -> Outcome {
    let existing = if wanted.delete_existing {
        Existing::Delete
    } else {
        Existing::Leave
    };
    let given = wanted.raid_config.clone();
    let apply = move |host: &Host| raid::apply_configuration(host, &node, &given, existing);
    on_disks(run, kind, apply).await?;
    Ok(wanted.raid_config)
}

/// `delete_configuration`.
pub(super) async fn delete(run: &Run, kind: StepKind, node: Node) -> Outcome {
    let delete = move |host: &Host| raid::delete_configuration(host, &node);
    on_disks(run, kind, delete).await?;
    Ok(Value::Null)
}

/// Whatever becomes of the disks, the image that was written to one is not whole any more.
async fn on_disks<T: Send + 'static>(
    run: &Run,
    kind: StepKind,
    work: impl FnOnce(&Host) -> Result<T, RaidError> + Send + 'static,
) -> Result<T, Failure> {
    let permitted = run.agent.host.permits_disks();
    permitted.map_err(|error| Failure::caused_by(error_kind(kind), &error))?;
    run.agent.forget_written();
    let agent = Arc::clone(&run.agent);
    let done = on_thread(move || work(&agent.host)).await?;
    done.map_err(|error| Failure::caused_by(ErrorKind::SoftwareRaid, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_deleted_unless_it_is_said_otherwise() {
        let parse = |value| serde_json::from_value::<Apply>(value);
        let both = json!({"raid_config": {"logical_disks": []}, "delete_existing": false});
        assert!(!parse(both).unwrap().delete_existing);
        let one = json!({"raid_config": {"logical_disks": []}, "other": 1});
        assert!(parse(one).unwrap().delete_existing);
        assert!(parse(json!({"delete_existing": true})).is_err());
    }
}
