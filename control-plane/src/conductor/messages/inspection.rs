//! A ramdisk sends what it found: hooks turn it into the node's properties and ports, all in one commit.

use super::lookup::{Asker, answer};
use super::{Merged, tell};
use crate::conductor::inspection::{self, Found};
use crate::conductor::node_task::{Change, NodeTask, TaskError};
use crate::conductor::requests::{InspectionRequest, LookupAnswer, RequestError};
use ferric_model::event::What;
use ferric_model::inventory::StoredInventory;
use ferric_model::node::Object;
use ferric_model::run::News;
use ferric_model::state::ProvisionState;

pub(super) async fn merge(task: &mut NodeTask, request: InspectionRequest) -> Merged<LookupAnswer> {
    if !matches!(
        task.node.provision_state,
        ProvisionState::Inspecting | ProvisionState::InspectWait
    ) {
        return Ok(Err(RequestError::NotFound(
            "no node with these addresses is being inspected".to_owned(),
        )));
    }
    let asker = Asker {
        extensions: request.extensions,
        token: request.token,
        from: request.from,
    };
    store_inspection(task, request.data).await?;
    Ok(Ok(answer(task, asker).await?))
}

/// Runs the hooks over the data and stores what came of it; the engine goes on from there.
pub(in crate::conductor) async fn store_inspection(
    task: &mut NodeTask,
    data: Object,
) -> Result<(), TaskError> {
    let ports = task.ports().await?;
    let store = task.conductor().store().clone();
    let taken = inspection::taken_addresses(store.as_ref(), task.id(), &data).await?;
    let change = match inspection::read(&task.node, &ports, &taken, data) {
        Ok(found) => change(task, found),
        Err(error) => task.change().with(|node| {
            tell(
                node,
                News::InspectionFailed {
                    error: error.to_string(),
                },
            );
        }),
    };
    task.save(change).await
}

fn change(task: &NodeTask, found: Found) -> Change {
    let (now, conductor) = (task.conductor().now(), task.conductor());
    let inventory = StoredInventory {
        node: task.id(),
        taken_at: now,
        inventory: found.inventory,
        plugin_data: found.plugin_data,
    };
    let made = found
        .new_ports
        .into_iter()
        .map(|port| port.into_port(conductor.new_id(), task.id(), now));
    let made: Vec<_> = made.collect();
    let notes = found.notes.into_iter().map(|text| What::Note { text });
    task.change()
        .event(What::Inspected {
            summary: found.summary,
        })
        .events(notes)
        .beside(|mut transaction| {
            for port in made.iter().chain(&found.changed_ports) {
                transaction = transaction.put(port);
            }
            transaction.put(&inventory)
        })
        .with(|node| {
            node.properties.extend(found.properties);
            node.boot_mode = found.boot_mode.or(node.boot_mode.take());
            tell(node, News::InspectionDone);
        })
}
