//! Takes up power actions on which nobody works, because their end could not be stored.

use super::{Access, Declaration, NodePeriodic, Visit, Visited};
use crate::conductor::node_task::TaskError;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_model::node::Node;
use ferric_model::state::PowerState;
use ferric_store::FieldValue;
use jiff::Timestamp;

/// What may be asked for.
const WISHES: [PowerState; 5] = [
    PowerState::On,
    PowerState::Off,
    PowerState::SoftOff,
    PowerState::Rebooting,
    PowerState::SoftRebooting,
];

pub(super) struct StalledWishes;

#[async_trait]
impl NodePeriodic for StalledWishes {
    fn declaration(&self, settings: &Settings) -> Declaration {
        let wishes = WISHES.map(|wish| FieldValue::Text(wish.name().to_owned()));
        Declaration {
            filters: vec![("target_power_state", wishes.to_vec())],
            access: Access::Exclusive,
            ..Declaration::new(
                "taking up stalled power actions",
                seconds(settings.conductor.wait_check_interval_s),
                settings.conductor.periodic_concurrency,
            )
        }
    }

    /// A run that is to go on comes first: power is asked for only where none is, or where it waits.
    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        let waits = node.run.as_ref().is_none_or(|run| run.wait.is_some());
        node.target_power_state.is_some() && waits
    }

    /// Whoever works on one holds its lock.
    async fn visit(&self, mut visit: Visit<'_>) -> Result<Visited, TaskError> {
        let Some(task) = visit.lock().await? else {
            return Ok(Visited::Nothing);
        };
        visit.conductor.take_up_wish(task);
        Ok(Visited::Acted)
    }
}
