//! Reads the sensors of machines, for those who watch over them (`/metrics`).

use super::{Declaration, NodePeriodic, Seen, Visit, Visited};
use crate::conductor::Conductor;
use crate::conductor::node_task::TaskError;
use crate::conductor::sensors::Sensed;
use crate::conductor::steps::{StepError, chain};
use crate::config::{Settings, seconds};
use async_trait::async_trait;
use ferric_drivers::SensorReading;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState;
use ferric_store::FieldValue;
use jiff::Timestamp;
use tracing::debug;

pub(super) struct SensorData {
    undeployed: bool,
}

impl SensorData {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            undeployed: settings.conductor.sensor_data_for_undeployed_nodes,
        }
    }
}

#[async_trait]
impl NodePeriodic for SensorData {
    fn declaration(&self, settings: &Settings) -> Declaration {
        Declaration {
            filters: vec![("maintenance", vec![FieldValue::Bool(false)])],
            extra_fields: &["provision_state"],
            node_count_metric: Some("sensor_data_nodes"),
            ..Declaration::new(
                "reading its sensors",
                seconds(settings.conductor.sensor_data_interval_s),
                settings.conductor.sensor_data_workers,
            )
        }
    }

    /// As in Ironic: the machines that somebody uses, unless all are wanted.
    fn predicate(&self, seen: &Seen<'_>, _now: Timestamp) -> bool {
        let state = seen.text("provision_state");
        self.undeployed || state == Some(ProvisionState::Active.name())
    }

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        let conductor = &visit.conductor;
        let readings = match visit.ask(read(conductor, &visit.node)).await {
            Ok(Ok(Some(readings))) => readings,
            Ok(Ok(None)) => return Ok(Visited::Nothing),
            // Whether the BMC can be reached is the power sync's business.
            Ok(Err(error)) => {
                debug!(node = %visit.node.uuid, error = chain(&error), "reading sensors");
                return Ok(Visited::Nothing);
            }
            Err(slow) => return Ok(slow.visited()),
        };
        let at = conductor.now();
        let sensed = Sensed { at, readings };
        conductor.sensor_board().put(visit.node.uuid, sensed);
        Ok(Visited::Acted)
    }
}

/// `None`: nobody reads the sensors of such a machine.
async fn read(conductor: &Conductor, node: &Node) -> Result<Option<Vec<SensorReading>>, StepError> {
    let Some(sensors) = conductor.hardware(node)?.sensors else {
        return Ok(None);
    };
    let readings = sensors.read().await;
    readings
        .map(Some)
        .map_err(StepError::bmc("reading the sensors"))
}
