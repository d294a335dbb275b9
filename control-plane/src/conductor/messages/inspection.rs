//! A ramdisk sends what it found: hooks turn it into the node's properties and ports, rules change what they like, and
//! all of it is stored in one commit, or nothing.

use super::lookup::{Asker, answer};
use super::{Merged, tell};
use crate::conductor::inspection::{self, Context, Found, rules};
use crate::conductor::node_task::{Change, NodeTask, TaskError};
use crate::conductor::requests::{InspectionRequest, LookupAnswer, RequestError};
use ferric_model::event::What;
use ferric_model::inspection_rule::Subject;
use ferric_model::inventory::StoredInventory;
use ferric_model::node::{Node, Object};
use ferric_model::port::Port;
use ferric_model::run::News;
use ferric_model::state::ProvisionState;
use ferric_model::step::Step;
use ferric_store::{Entity, Key, StoreError, Table, Transaction};
use jiff::Timestamp;

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

/// Whether this inspection has its data. A ramdisk that was not answered in time sends them once more, and they may come in
/// while the agent is asked for them: what rules call is called once.
pub(in crate::conductor) fn is_inspected(node: &Node) -> bool {
    let Some(run) = &node.run else { return false };
    let heard = matches!(
        run.news,
        Some(News::InspectionDone | News::InspectionFailed { .. })
    );
    let mut done = run.steps.iter().take(run.index);
    let is_boot = |step: &Step| step.id.interface == "boot" && step.id.step == "ramdisk";
    heard || run.failure.is_some() || done.any(is_boot)
}

/// Runs the hooks and the rules over the data and stores what came of it; the engine goes on from there. Data of an
/// inspection that has some are left unread.
pub(in crate::conductor) async fn store_inspection(
    task: &mut NodeTask,
    data: Object,
) -> Result<(), TaskError> {
    if is_inspected(&task.node) {
        return Ok(());
    }
    let ports = task.ports().await?;
    let conductor = task.conductor().clone();
    let store = conductor.store();
    let taken = inspection::taken_addresses(store.as_ref(), task.id(), &data).await?;
    let previous = store.get(&Key::new(Table::Inventory, task.id())).await?;
    let previous: Option<StoredInventory> = previous.map(|record| record.decode()).transpose()?;
    let read = {
        let context = Context {
            settings: &conductor.settings().inspection,
            taken: &taken,
            previous: previous.as_ref(),
            new_id: &|| conductor.new_id(),
            now: conductor.now(),
        };
        inspection::read(context, &task.node, &ports, data)
    };
    let outcome = match read {
        Ok(found) => ruled(task, &ports, found).await?,
        Err(error) => Err(error.to_string()),
    };
    let change = match outcome {
        Ok(change) => change,
        Err(error) => failed(task, error),
    };
    match task.save(change).await {
        // A rule has given the node a name that another one has, or somebody else took an address meanwhile.
        Err(TaskError::Store(error @ StoreError::NotUnique { .. })) => {
            let change = failed(task, format!("what was found cannot be stored: {error}"));
            task.save(change).await
        }
        saved => saved,
    }
}

fn failed(task: &NodeTask, error: String) -> Change {
    task.change()
        .with(|node| tell(node, News::InspectionFailed { error }))
}

/// What the hooks found, as the rules leave it.
async fn ruled(
    task: &NodeTask,
    before: &[Port],
    found: Found,
) -> Result<Result<Change, String>, StoreError> {
    let (conductor, now) = (task.conductor(), task.conductor().now());
    let (subject, applied) = match rules::run(conductor, found.subject).await? {
        Ok(ruled) => ruled,
        Err(problem) => return Ok(Err(problem)),
    };
    let mut change = task.change().event(What::Inspected {
        summary: found.summary,
    });
    change = change.events(found.notes.into_iter().map(|text| What::Note { text }));
    change = change.events(rules::told(&applied));
    let gone: Vec<Key> = found.gone.iter().map(Entity::key).collect();
    change = change.beside(|transaction| gone.into_iter().fold(transaction, Transaction::delete));
    Ok(Ok(with_subject(change, before, subject, now)))
}

/// The node, those ports that differ from before, and the inventory, in one commit.
fn with_subject(change: Change, before: &[Port], subject: Subject, now: Timestamp) -> Change {
    let inventory = StoredInventory {
        node: subject.node.uuid,
        taken_at: now,
        inventory: subject.inventory,
        plugin_data: subject.plugin_data,
    };
    let changed = subject
        .ports
        .into_iter()
        .filter(|port| !before.contains(port))
        .map(|port| {
            let known = before.iter().any(|known| known.uuid == port.uuid);
            let updated_at = if known { Some(now) } else { port.updated_at };
            Port { updated_at, ..port }
        });
    let changed: Vec<_> = changed.collect();
    change
        .beside(|transaction| {
            let ports = changed.iter();
            ports
                .fold(transaction, |transaction, port| transaction.put(port))
                .put(&inventory)
        })
        .with(|node| {
            *node = subject.node;
            tell(node, News::InspectionDone);
        })
}
