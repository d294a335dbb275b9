//! The kinds of record, in the order in which they are imported: what is referred to comes before what refers to it.

use crate::api::error::{ApiError, ApiResult};
use ferric_store::{FieldValue, Query, Table};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Chassis,
    Node,
    Portgroup,
    Port,
    VolumeConnector,
    VolumeTarget,
    Inventory,
    Allocation,
    DeployTemplate,
    Runbook,
    InspectionRule,
}

impl Kind {
    pub(super) const ALL: [Self; 11] = [
        Self::Chassis,
        Self::Node,
        Self::Portgroup,
        Self::Port,
        Self::VolumeConnector,
        Self::VolumeTarget,
        Self::Inventory,
        Self::Allocation,
        Self::DeployTemplate,
        Self::Runbook,
        Self::InspectionRule,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Chassis => "chassis",
            Self::Node => "node",
            Self::Portgroup => "portgroup",
            Self::Port => "port",
            Self::VolumeConnector => "volume_connector",
            Self::VolumeTarget => "volume_target",
            Self::Inventory => "inventory",
            Self::Allocation => "allocation",
            Self::DeployTemplate => "deploy_template",
            Self::Runbook => "runbook",
            Self::InspectionRule => "inspection_rule",
        }
    }

    /// The field that a record is found by.
    pub(super) const fn identity(self) -> &'static str {
        match self {
            Self::Inventory => "node",
            _ => "uuid",
        }
    }

    pub(super) fn parse(name: &str) -> ApiResult<Self> {
        let named = Self::ALL.into_iter().find(|kind| kind.name() == name);
        named.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
            ApiError::invalid(format!(
                "kind must be one of {}, not {name:?}",
                names.join(", ")
            ))
        })
    }

    /// All records of the kind. Allocations that have a node are in the record of their node.
    pub(super) fn query(self) -> Query {
        match self {
            Self::Chassis => Query::all(Table::Chassis),
            Self::Node => Query::all(Table::Node),
            Self::Portgroup => Query::all(Table::Portgroup),
            Self::Port => Query::all(Table::Port),
            Self::VolumeConnector => Query::all(Table::VolumeConnector),
            Self::VolumeTarget => Query::all(Table::VolumeTarget),
            Self::Inventory => Query::all(Table::Inventory),
            Self::Allocation => {
                Query::all(Table::Allocation).filter("node_uuid", vec![FieldValue::Null])
            }
            Self::DeployTemplate => Query::all(Table::DeployTemplate),
            Self::Runbook => Query::all(Table::Runbook),
            Self::InspectionRule => Query::all(Table::InspectionRule),
        }
    }
}
