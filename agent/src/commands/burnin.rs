//! The steps that burn a machine in.

use std::sync::Arc;

use ferric_agent_protocol::node::Node;
use ferric_agent_protocol::steps::StepKind;

use super::failure::Failure;
use super::run::{Outcome, Run, on_thread};
use super::steps::error_kind;
use crate::burnin::{self, Part, Watch};

/// `burnin_cpu`, `burnin_memory`, `burnin_disk` and `burnin_network`: the result is what was done and measured, where
/// Ironic's agent has nothing.
pub(super) async fn burn_in(run: &Run, kind: StepKind, node: Node, part: Part) -> Outcome {
    let agent = Arc::clone(&run.agent);
    let watch = Watch {
        progress: run.progress.clone(),
        stop: agent.stop_writing.clone(),
    };
    if part == Part::Disk {
        // Whatever becomes of the step, no image is whole any more.
        run.agent.forget_written();
    }
    let burned = on_thread(move || burnin::burn_in(&agent.host, &node, part, &watch)).await?;
    burned.map_err(|error| Failure::caused_by(error_kind(kind), &error))
}
