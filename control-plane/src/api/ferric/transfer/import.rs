//! `POST /ferric/v1/import`: records stored as they are, with a result for each.
//!
//! Neighbours of one kind are stored at the same time, different kinds one after the other, so that what is referred to
//! is there. Nothing is undone when others are refused.

use super::super::newest;
use super::kind::Kind;
use super::known;
use super::node_record;
use super::reading::{Missing, check_dated, entity};
use crate::api::arguments::missing;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::nodes::refuse_rest;
use crate::conductor::import::{Import, Imported, InTransition, NodeImport, OnNode};
use axum::Json;
use ferric_model::chassis::Chassis;
use ferric_model::ids::{
    AllocationId, ChassisId, InspectionRuleId, MacAddress, NodeId, PortId, PortgroupId, RunbookId,
    TemplateId, VolumeConnectorId, VolumeTargetId,
};
use ferric_model::inspection_rule::InspectionRule;
use ferric_model::inventory::StoredInventory;
use ferric_model::node::Object;
use ferric_model::port::Port;
use ferric_model::portgroup::Portgroup;
use ferric_model::recipe::{DeployTemplate, Runbook};
use ferric_model::volume::{VolumeConnector, VolumeTarget};
use futures_util::stream::{self, StreamExt};
use http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

const MAX_RECORDS: usize = 1000;
/// Records of one request that are worked on at the same time.
const AT_A_TIME: usize = 32;

/// A record as it came.
struct Given {
    kind: Kind,
    document: Object,
    /// With a node.
    allocation: Option<Object>,
}

/// What became of it.
struct Outcome {
    kind: Kind,
    uuid: Value,
    missing: Missing,
    result: ApiResult<Imported>,
}

pub(in crate::api::ferric) async fn import(
    call: Call,
    JsonObject(mut body): JsonObject,
) -> ApiResult<Json<Value>> {
    let call = Arc::new(newest(call));
    call.no_arguments()?;
    let in_transition = match body.shift_remove("force") {
        None | Some(Value::Null | Value::Bool(false)) => InTransition::Refuse,
        Some(Value::Bool(true)) => InTransition::Fail,
        Some(_) => return Err(ApiError::invalid("force must be true or false")),
    };
    let records = match body.shift_remove("records") {
        Some(Value::Array(records)) if (1..=MAX_RECORDS).contains(&records.len()) => records,
        Some(Value::Array(records)) => {
            return Err(ApiError::invalid(format!(
                "records must have 1 to {MAX_RECORDS} items, not {}",
                records.len()
            )));
        }
        Some(_) => return Err(ApiError::invalid("records must be a list")),
        None => return Err(missing("records")),
    };
    refuse_rest(&body)?;
    let records = records.into_iter().enumerate();
    let records: Vec<Given> = records.map(given).collect::<ApiResult<_>>()?;
    let mut outcomes = Vec::with_capacity(records.len());
    for alike in alike(records) {
        let each = alike.into_iter().map(|record| {
            let call = Arc::clone(&call);
            async move { one(&call, record, in_transition).await }
        });
        // In the order in which they came.
        let each: Vec<_> = each.collect();
        let mut stored = stream::iter(each).buffered(AT_A_TIME);
        while let Some(outcome) = stored.next().await {
            outcomes.push(outcome);
        }
    }
    let refused = outcomes
        .iter()
        .filter(|outcome| outcome.result.is_err())
        .count();
    let done = outcomes.len() - refused;
    let results: Vec<Value> = outcomes.into_iter().map(Outcome::show).collect();
    Ok(Json(
        json!({"results": results, "done": done, "failed": refused}),
    ))
}

fn given((index, record): (usize, Value)) -> ApiResult<Given> {
    let wrong = |problem: &str| ApiError::invalid(format!("records[{index}] {problem}"));
    let Value::Object(mut record) = record else {
        return Err(wrong("must be an object"));
    };
    let Some(Value::String(kind)) = record.shift_remove("kind") else {
        return Err(wrong("must have a kind, which is a text"));
    };
    let Some(Value::Object(document)) = record.shift_remove("document") else {
        return Err(wrong("must have a document, which is an object"));
    };
    let allocation = match record.shift_remove("allocation") {
        Some(Value::Object(allocation)) => Some(allocation),
        None | Some(Value::Null) => None,
        Some(_) => return Err(wrong("must have an object as its allocation")),
    };
    refuse_rest(&record)?;
    let kind = Kind::parse(&kind)?;
    if kind != Kind::Node && allocation.is_some() {
        return Err(wrong("has an allocation and is no node"));
    }
    Ok(Given {
        kind,
        document,
        allocation,
    })
}

/// Neighbours of one kind.
fn alike(records: Vec<Given>) -> Vec<Vec<Given>> {
    let mut runs: Vec<Vec<Given>> = Vec::new();
    for record in records {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| last.kind == record.kind) => {
                run.push(record);
            }
            _ => runs.push(vec![record]),
        }
    }
    runs
}

async fn one(call: &Call, record: Given, in_transition: InTransition) -> Outcome {
    let kind = record.kind;
    let uuid = record.document.get(kind.identity());
    let uuid = uuid.cloned().unwrap_or_default();
    let (result, missing) = match read(call, record).await {
        Ok((import, missing)) => {
            let imported = call.conductor().import(import, in_transition).await;
            (imported.map_err(ApiError::from), missing)
        }
        Err(error) => (Err(error), Missing::default()),
    };
    Outcome {
        kind,
        uuid,
        missing,
        result,
    }
}

/// What there is to store, and which secrets it lacks.
async fn read(call: &Call, record: Given) -> ApiResult<(Import, Missing)> {
    let (kind, mut document) = (record.kind, record.document);
    let (now, nil) = (call.conductor().now(), Uuid::nil());
    check_identity(kind, &document)?;
    known::fill(call, kind, &mut document).await?;
    // When an inventory was taken its own fields tell, if anything.
    if kind != Kind::Inventory {
        check_dated(&document)?;
    }
    let node = NodeId(nil);
    let import = match kind {
        Kind::Node => return read_node(call, document, record.allocation),
        Kind::Chassis => {
            Import::Chassis(entity(&Chassis::new(ChassisId(nil), now), document, kind)?)
        }
        Kind::Portgroup => {
            let blank = Portgroup::new(PortgroupId(nil), node, now);
            Import::OnNode(OnNode::Portgroup(entity(&blank, document, kind)?))
        }
        Kind::Port => {
            let address: MacAddress = document
                .get("address")
                .and_then(Value::as_str)
                .and_then(|address| address.parse().ok())
                .ok_or_else(|| ApiError::invalid("address must be there, and be a MAC address"))?;
            let blank = Port::new(PortId(nil), address, node, now);
            Import::OnNode(OnNode::Port(entity(&blank, document, kind)?))
        }
        Kind::VolumeConnector => {
            let blank = VolumeConnector::new(VolumeConnectorId(nil), node, now);
            Import::OnNode(OnNode::VolumeConnector(entity(&blank, document, kind)?))
        }
        Kind::VolumeTarget => {
            let blank = VolumeTarget::new(VolumeTargetId(nil), node, now);
            Import::OnNode(OnNode::VolumeTarget(entity(&blank, document, kind)?))
        }
        Kind::Inventory => {
            let blank = StoredInventory {
                node,
                taken_at: now,
                inventory: Object::new(),
                plugin_data: Object::new(),
            };
            Import::OnNode(OnNode::Inventory(entity(&blank, document, kind)?))
        }
        Kind::Allocation => {
            let blank = call.conductor().new_allocation(AllocationId(nil));
            Import::Allocation(entity(&blank, document, kind)?)
        }
        Kind::DeployTemplate => {
            let blank = DeployTemplate::new(TemplateId(nil), now);
            Import::DeployTemplate(entity(&blank, document, kind)?)
        }
        Kind::Runbook => {
            Import::Runbook(entity(&Runbook::new(RunbookId(nil), now), document, kind)?)
        }
        Kind::InspectionRule => Import::InspectionRule(read_rule(call, document)?),
    };
    Ok((import, Missing::default()))
}

/// Each kind must have a UUID, or it would be stored under the one of the blank.
fn check_identity(kind: Kind, document: &Object) -> ApiResult<()> {
    let own = kind.identity();
    let id = document
        .get(own)
        .and_then(Value::as_str)
        .unwrap_or_default();
    if id.parse::<Uuid>().is_ok_and(|id| !id.is_nil()) {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "{own} must be there, and be a UUID"
    )))
}

fn read_node(
    call: &Call,
    document: Object,
    allocation: Option<Object>,
) -> ApiResult<(Import, Missing)> {
    let (node, missing) = node_record::read(document, call.conductor().now())?;
    allocation.as_ref().map_or(Ok(()), check_dated)?;
    let blank = call.conductor().new_allocation(AllocationId(Uuid::nil()));
    let allocation = allocation.map(|allocation| entity(&blank, allocation, Kind::Allocation));
    let import = NodeImport {
        node,
        allocation: allocation.transpose()?,
        missing: missing.0.clone(),
    };
    Ok((import.into(), missing))
}

/// A sensitive one is shown without its conditions and actions, and is worth nothing so.
fn read_rule(call: &Call, document: Object) -> ApiResult<InspectionRule> {
    if ["conditions", "actions"]
        .iter()
        .any(|key| document.get(*key).is_none_or(Value::is_null))
    {
        return Err(ApiError::invalid(
            "the rule came without its conditions and actions, which a sensitive one does not show: they must come with its secrets",
        ));
    }
    let blank = InspectionRule::new(InspectionRuleId(Uuid::nil()), call.conductor().now());
    let rule: InspectionRule = entity(&blank, document, Kind::InspectionRule)?;
    match rule.rule() {
        Ok(_) => Ok(rule),
        Err(problem) => Err(ApiError::invalid(format!(
            "the rule cannot be run: {problem}"
        ))),
    }
}

impl Outcome {
    fn show(self) -> Value {
        let mut shown = json!({"kind": self.kind.name(), "uuid": self.uuid});
        match self.result {
            Ok(imported) => {
                let status = match imported {
                    Imported::Created => StatusCode::CREATED,
                    Imported::Present | Imported::Completed => StatusCode::OK,
                };
                shown["outcome"] = Value::from(imported.name());
                shown["status"] = Value::from(status.as_u16());
                if !self.missing.0.is_empty() {
                    shown["missing"] = Value::from(self.missing.0);
                }
            }
            Err(error) => {
                let (status, body) = error.logged();
                shown["outcome"] = Value::from("refused");
                shown["status"] = Value::from(status.as_u16());
                shown["error_message"] = body["error_message"].clone();
            }
        }
        shown
    }
}
