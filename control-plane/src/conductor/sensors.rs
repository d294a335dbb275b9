//! What the sensors of machines said last. Kept in memory only: it is worth nothing once it is old.

use super::Conductor;
use super::environment::between;
use crate::config::seconds;
use ferric_drivers::SensorReading;
use ferric_model::ids::NodeId;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// The readings of a node, and when they were taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensed {
    pub at: Timestamp,
    pub readings: Vec<SensorReading>,
}

/// The readings of all nodes of this conductor.
#[derive(Debug, Default)]
pub(super) struct SensorBoard(Mutex<BTreeMap<NodeId, Sensed>>);

impl SensorBoard {
    pub(super) fn put(&self, node: NodeId, sensed: Sensed) {
        self.0.lock().insert(node, sensed);
    }

    /// Forgets what is older, and answers the rest.
    fn younger_than(&self, age: Duration, now: Timestamp) -> BTreeMap<NodeId, Sensed> {
        let mut board = self.0.lock();
        board.retain(|_, sensed| between(sensed.at, now) <= age);
        board.clone()
    }
}

impl Conductor {
    /// What the sensors of this conductor's nodes said in one of the last passes of the job that reads them.
    pub fn sensors(&self) -> BTreeMap<NodeId, Sensed> {
        let spacing = seconds(self.settings().conductor.sensor_data_interval_s);
        self.sensor_board().younger_than(3 * spacing, self.now())
    }
}
