//! A chassis: the box that nodes sit in. Nodes name it; it does not name them.

use crate::ids::ChassisId;
use crate::node::Object;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Everything stored about a chassis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chassis {
    pub uuid: ChassisId,
    pub description: Option<String>,
    pub extra: Object,
    pub created_at: Timestamp,
    pub updated_at: Option<Timestamp>,
}

impl Chassis {
    /// One of which nothing is said.
    pub fn new(uuid: ChassisId, created_at: Timestamp) -> Self {
        Self {
            uuid,
            description: None,
            extra: Object::new(),
            created_at,
            updated_at: None,
        }
    }
}
