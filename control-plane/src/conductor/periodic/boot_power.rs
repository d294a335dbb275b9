//! While a ramdisk is to come up the BMC is asked whether the machine is on at all: one without power never calls back.
//!
//! Says what it found and changes nothing itself.

use super::{Declaration, NodePeriodic, Visit, Visited};
use crate::conductor::inbox::Message;
use crate::conductor::node_task::TaskError;
use crate::conductor::steps::is_off;
use crate::config::Settings;
use async_trait::async_trait;
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::run::{Wait, WaitReason};
use ferric_store::FieldValue;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// From one look to the next. A machine that restarts itself may look off for a moment, so two looks must agree.
const SPACING: Duration = Duration::from_secs(20);

/// The waits in which each machine was found off once. Lost with the process, which then looks twice again.
#[derive(Default)]
pub(super) struct BootPower(Mutex<BTreeMap<NodeId, Timestamp>>);

#[async_trait]
impl NodePeriodic for BootPower {
    fn declaration(&self, settings: &Settings) -> Declaration {
        let boots = ["agent_boot", "agent_reboot", "inspection_data"];
        let boots = boots.map(|kind| FieldValue::Text(kind.to_owned())).to_vec();
        Declaration {
            filters: vec![
                ("waits_for", boots),
                ("maintenance", vec![FieldValue::Bool(false)]),
            ],
            ..Declaration::new(
                "seeing whether machines that boot have power",
                SPACING,
                settings.conductor.periodic_concurrency,
            )
        }
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        boots(node).is_some()
    }

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        let (conductor, node) = (&visit.conductor, &visit.node);
        let (Some(wait), Ok(hardware)) = (boots(node), conductor.hardware(node)) else {
            return Ok(Visited::Nothing);
        };
        let off = match visit.ask(is_off(&hardware)).await {
            Ok(off) => off,
            Err(slow) => return Ok(slow.visited()),
        };
        if !off {
            self.0.lock().remove(&node.uuid);
            return Ok(Visited::Nothing);
        }
        if self.0.lock().insert(node.uuid, wait.since) != Some(wait.since) {
            return Ok(Visited::Nothing);
        }
        self.0.lock().remove(&node.uuid);
        // A full inbox is read before the next look.
        drop(conductor.tell(node.uuid, Message::OffAtBoot { since: wait.since }));
        Ok(Visited::Acted)
    }
}

/// The wait for a ramdisk, if there is one.
fn boots(node: &Node) -> Option<&Wait> {
    let wait = node.run.as_ref()?.wait.as_ref()?;
    matches!(
        wait.reason,
        WaitReason::AgentBoot | WaitReason::AgentReboot | WaitReason::InspectionData
    )
    .then_some(wait)
}
