//! Opens the consoles of nodes that have come from another conductor, or from an earlier life of this one: what carries a
//! console ends with the process that opened it.

use super::{Declaration, NodePeriodic, Visit, Visited};
use crate::conductor::node_task::TaskError;
use crate::conductor::steps::chain;
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_drivers::{Console, ConsoleState};
use ferric_model::event::What;
use ferric_model::node::Node;
use ferric_store::FieldValue;
use jiff::Timestamp;
use std::sync::Arc;
use tracing::info;

pub(super) struct Consoles;

#[async_trait]
impl NodePeriodic for Consoles {
    /// The others hand nodes over as often.
    fn declaration(&self, settings: &Settings) -> Declaration {
        Declaration {
            filters: vec![("upkeep", vec![FieldValue::Text("console".to_owned())])],
            ..Declaration::new(
                "opening consoles",
                seconds(settings.conductor.beat_interval_s),
                settings.conductor.periodic_concurrency,
            )
        }
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        node.console_enabled && !node.console_closed && node.wish.is_none()
    }

    async fn visit(&self, mut visit: Visit<'_>) -> Result<Visited, TaskError> {
        let Some(console) = closed_console(&visit) else {
            return Ok(Visited::Nothing);
        };
        let Some(mut task) = visit.lock().await? else {
            return Ok(Visited::Nothing);
        };
        let opening = console.clone();
        let opened = task.during(async move { opening.open().await }).await?;
        let change = match opened {
            Ok(()) => {
                let host = visit.conductor.host();
                let text = format!("the console was opened at conductor {host}");
                task.change().event(What::Note { text })
            }
            // It is opened when the BMC answers again.
            Err(error) if error.is_transient() => {
                info!(node = %task.id(), error = chain(&error), "a console could not be opened yet");
                return Ok(Visited::Acted);
            }
            Err(error) => {
                let error = format!("opening the console again: {}", chain(&error));
                let event = What::BmcError {
                    error: error.clone(),
                };
                task.change().event(event).with(|node| {
                    node.console_enabled = false;
                    node.last_error = Some(error);
                })
            }
        };
        task.save(change).await?;
        Ok(Visited::Acted)
    }
}

/// The console that is to be opened; `None` where it is open, or where there is none any more.
fn closed_console(visit: &Visit<'_>) -> Option<Arc<dyn Console>> {
    let hardware = visit.conductor.hardware(&visit.node).ok()?;
    let console = hardware.console?;
    (console.state() == ConsoleState::Closed).then_some(console)
}
