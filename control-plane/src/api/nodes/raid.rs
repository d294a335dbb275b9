//! `PUT {node}/states/raid`: the volumes that are wanted, for the step `raid.create_configuration`.

use super::find::{self, Found};
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::path::Path;
use ferric_drivers::RaidConfig;
use ferric_model::node::{Node, Object};
use http::StatusCode;
use serde_json::Value;

/// Stores the configuration; `{}` takes it away.
pub(super) async fn set(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<StatusCode> {
    call.no_arguments()?;
    let Found { node, record } = find::node(&call, &ident).await?;
    check(&node, &body)?;
    let wanted = Node {
        target_raid_config: body,
        ..node
    };
    call.conductor().update_node(&record, wanted).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check(node: &Node, wanted: &Object) -> ApiResult<()> {
    let interface = node.interface("raid").unwrap_or("no-raid");
    if interface == "no-raid" {
        return Err(ApiError::not_found(format!(
            "node {} has the raid interface no-raid, which makes no volumes: choose another raid_interface",
            node.uuid
        )));
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let parsed = RaidConfig::parse(&Value::Object(wanted.clone()));
    let config = parsed.map_err(|error| ApiError::invalid(error.to_string()))?;
    let scsi = config
        .logical_disks
        .iter()
        .any(|disk| disk.interface_type.as_deref() == Some("scsi"));
    if scsi && interface == "redfish" {
        return Err(ApiError::invalid(
            "invalid RAID configuration: interface_type scsi is none of Redfish's: use sata or sas",
        ));
    }
    Ok(())
}
