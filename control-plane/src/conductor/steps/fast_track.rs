//! Fast track: a ramdisk that is up is used for the next activity as well, instead of being booted again.
//!
//! Whether it is up is asked of the machine each time, not concluded from what is stored; one that does not answer is
//! booted as any other.

use super::StepContext;
use crate::conductor::agent::AgentClient;
use crate::conductor::environment::between;
use crate::conductor::flows::id;
use crate::config::{Settings, seconds};
use ferric_drivers::PowerState;
use ferric_model::node::Node;
use ferric_model::run::Activity;
use std::time::Duration;

/// An agent that is there answers at once.
const LIMIT: Duration = Duration::from_secs(10);

/// The node's own wish before the configured one.
pub(in crate::conductor) fn is_enabled(settings: &Settings, node: &Node) -> bool {
    let own = node.own_flag("fast_track");
    own.unwrap_or(settings.deploy.fast_track)
}

/// Whether the machine runs a ramdisk that can go on with the activity, so that it is left on.
pub(super) async fn is_up(context: &StepContext) -> bool {
    if !is_wanted(context) || !is_powered(context).await {
        return false;
    }
    has_reported(context) || (is_fresh(context) && answers(context).await)
}

/// An instance is never taken for a ramdisk, and after a failure nothing is left running.
fn is_wanted(context: &StepContext) -> bool {
    let is_between_instances = matches!(
        context.run.activity,
        Activity::Inspect | Activity::Clean | Activity::ManualClean | Activity::Deploy
    );
    is_enabled(context.conductor.settings(), &context.node)
        && is_between_instances
        && context.run.failure.is_none()
}

/// Inspection data came a moment ago; the first heartbeat comes after them.
fn has_reported(context: &StepContext) -> bool {
    let done = &context.run.steps[..context.run.index];
    context.run.activity == Activity::Inspect
        && done.iter().any(|step| step.id == id("boot", "ramdisk"))
}

fn is_fresh(context: &StepContext) -> bool {
    let timeout = seconds(context.conductor.settings().deploy.fast_track_timeout_s);
    let now = context.conductor.now();
    context.node.agent.as_ref().is_some_and(|session| {
        let beat = session.last_heartbeat;
        session.is_ready() && beat.is_some_and(|beat| between(beat, now) < timeout)
    })
}

async fn is_powered(context: &StepContext) -> bool {
    let asked = tokio::time::timeout(LIMIT, context.hardware.power.get()).await;
    matches!(asked, Ok(Ok(Some(PowerState::On))))
}

async fn answers(context: &StepContext) -> bool {
    match AgentClient::of(&context.conductor, &context.node) {
        Ok(agent) => agent.within(LIMIT).list().await.is_ok(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::tests::lab::Lab;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn the_nodes_own_wish_counts_before_the_configured_one() {
        let lab = Lab::new();
        let mut settings = Settings::clone(&lab.settings);
        let id = ferric_model::ids::NodeId(uuid::Uuid::nil());
        let mut node = Node::new(id, "redfish", jiff::Timestamp::UNIX_EPOCH);
        for configured in [false, true] {
            settings.deploy.fast_track = configured;
            let mut check = |own: Value, expected: bool| {
                node.driver_info.insert("fast_track".to_owned(), own);
                assert_eq!(is_enabled(&settings, &node), expected);
            };
            check(json!(null), configured);
            for yes in [json!(true), json!("True"), json!("yes")] {
                check(yes, true);
            }
            for no in [json!(false), json!("False"), json!("0")] {
                check(no, false);
            }
        }
    }
}
