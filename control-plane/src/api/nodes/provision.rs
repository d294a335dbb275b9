//! `PUT {node}/states/provision`: a verb with what comes along, checked in Ironic's order.

use super::find;
use super::runbook;
use super::states::{accepted, refuse_rest};
use super::steps::{self, StepList};
use crate::api::access::{Target, rules};
use crate::api::arguments::missing;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::need;
use crate::api::masking::MASK;
use crate::api::path::Path;
use crate::api::shape::Shape;
use crate::api::version::ApiVersion;
use crate::conductor::requests::{
    ProvisionRequest, Ramdisk, RequestedStep, RescuePassword, not_in_this_state,
};
use axum::response::Response;
use ferric_model::node::{Node, Object};
use ferric_model::verb::Verb;
use serde_json::Value;

const CONFIG_DRIVE_ON_REBUILD_SINCE: u16 = 35;
const CONFIG_DRIVE_OBJECT_SINCE: u16 = 56;
const VENDOR_DATA_SINCE: u16 = 59;
const DEPLOY_STEPS_SINCE: u16 = 69;

/// The body, of which nothing is checked yet but its keys.
struct Asked {
    target: String,
    configdrive: Option<Value>,
    clean_steps: Option<Value>,
    deploy_steps: Option<Value>,
    service_steps: Option<Value>,
    rescue_password: Option<Value>,
    runbook: Option<Value>,
    disable_ramdisk: Option<Value>,
}

pub(super) async fn provision(
    call: Call,
    Path(ident): Path<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Response> {
    call.no_arguments()?;
    ask(&call, &ident, body).await?;
    Ok(accepted(&call, &ident))
}

/// Has the verb of the body begun.
pub(in crate::api) async fn ask(call: &Call, ident: &str, body: Object) -> ApiResult<()> {
    let asked = Asked::parse(body)?;
    let node = find::node(call, ident).await?.node;
    asked.check_access(call, &node)?;
    let verb = verb(&asked.target, &node, call.version)?;
    let runbook = runbook::named(call, asked.runbook.as_ref(), verb, &node).await?;
    let mut request = asked.check(verb, &node, call.version)?;
    if let Some(runbook) = &runbook {
        request = runbook::applied(request, runbook)?;
    }
    Ok(call.conductor().provision(node.uuid, request).await?)
}

/// 406 for a verb that is too new, 400 for one that is none or not for this state, 409 if somebody works on the node.
fn verb(target: &str, node: &Node, version: ApiVersion) -> ApiResult<Verb> {
    let verb: Option<Verb> = target.parse().ok();
    let early = verb.filter(|verb| !verb.is_gated_after_the_state());
    if let Some(verb) = early {
        need(version, verb.since(), &format!("the target {verb}"))?;
    }
    if node.maintenance && matches!(verb, Some(Verb::Active | Verb::Rebuild)) {
        return Err(ApiError::invalid(format!(
            "node {} is in maintenance: it is not provisioned before that ends",
            node.uuid
        )));
    }
    let state = node.provision_state;
    if let Some(verb) = verb.filter(|verb| verb.on(state).is_ok()) {
        return Ok(verb);
    }
    if let Some(holder) = &node.reservation {
        return Err(ApiError::conflict(format!(
            "node {} is held by {} for {}: try again when that is done",
            node.uuid, holder.conductor, holder.purpose
        )));
    }
    Err(not_in_this_state(node, target).into())
}

impl Asked {
    /// Lists of steps have rules of their own.
    fn check_access(&self, call: &Call, node: &Node) -> ApiResult<()> {
        let lists = [
            (&self.clean_steps, rules::NODE_SET_PROVISION_CLEAN),
            (&self.service_steps, rules::NODE_SET_PROVISION_SERVICE),
        ];
        let mut given = lists.iter().filter(|(steps, _)| steps.is_some());
        given.try_for_each(|(_, rule)| call.access.check(rule, Target::of_node(node)))
    }

    fn parse(mut body: Object) -> ApiResult<Self> {
        let target = match body.shift_remove("target") {
            Some(Value::String(target)) => target,
            Some(other) => {
                return Err(ApiError::invalid(format!(
                    "target must be a text, not {other}"
                )));
            }
            None => return Err(missing("target")),
        };
        let mut take = |key: &str| body.shift_remove(key).filter(|value| !value.is_null());
        let asked = Self {
            target,
            configdrive: take("configdrive"),
            clean_steps: take("clean_steps"),
            deploy_steps: take("deploy_steps"),
            service_steps: take("service_steps"),
            rescue_password: take("rescue_password"),
            runbook: take("runbook"),
            disable_ramdisk: take("disable_ramdisk"),
        };
        refuse_rest(&body)?;
        Ok(asked)
    }

    fn check(self, verb: Verb, node: &Node, version: ApiVersion) -> ApiResult<ProvisionRequest> {
        let configdrive = self.configdrive.filter(|drive| !is_empty(drive));
        if let Some(drive) = &configdrive {
            check_configdrive(verb, drive, version)?;
        }
        let has_runbook = self.runbook.is_some();
        let ramdisk = match self.disable_ramdisk {
            Some(disable) => disable_ramdisk(verb, disable, version)?,
            None => Ramdisk::Boot,
        };
        only_with(
            verb,
            "clean_steps",
            self.clean_steps.as_ref(),
            &[Verb::Clean],
        )?;
        let deploys = [Verb::Active, Verb::Rebuild];
        only_with(verb, "deploy_steps", self.deploy_steps.as_ref(), &deploys)?;
        if self.deploy_steps.is_some() {
            need(version, DEPLOY_STEPS_SINCE, "the argument deploy_steps")?;
        }
        let password = self.rescue_password.as_ref();
        only_with(verb, "rescue_password", password, &[Verb::Rescue])?;
        let since = verb.since_in(node.provision_state);
        need(version, since, &format!("the target {verb}"))?;
        only_with(
            verb,
            "service_steps",
            self.service_steps.as_ref(),
            &[Verb::Service],
        )?;
        let lists = [
            (StepList::Listed, self.clean_steps),
            (StepList::Deploy, self.deploy_steps),
            (StepList::Listed, self.service_steps),
        ];
        let steps = requested_steps(lists)?;
        if steps.is_empty() && !has_runbook {
            need_steps(verb)?;
        }
        Ok(ProvisionRequest {
            configdrive,
            steps,
            rescue_password: rescue_password(verb, self.rescue_password)?,
            ramdisk,
            ..ProvisionRequest::new(verb)
        })
    }
}

fn is_empty(drive: &Value) -> bool {
    match drive {
        Value::String(text) => text.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    }
}

fn only_with(verb: Verb, key: &str, value: Option<&Value>, targets: &[Verb]) -> ApiResult<()> {
    let given = value.is_some_and(|value| value != &Value::Array(Vec::new()));
    if given && !targets.contains(&verb) {
        let targets: Vec<_> = targets.iter().map(|target| target.name()).collect();
        let targets = targets.join(" and ");
        return Err(ApiError::invalid(format!(
            "{key} goes with the target {targets} only"
        )));
    }
    Ok(())
}

/// The steps of the one list that goes with the target.
fn requested_steps(lists: [(StepList, Option<Value>); 3]) -> ApiResult<Vec<RequestedStep>> {
    let mut requested = Vec::new();
    for (list, given) in lists {
        if let Some(given) = given {
            requested.extend(steps::parse(list, given)?);
        }
    }
    Ok(requested)
}

fn need_steps(verb: Verb) -> ApiResult<()> {
    let needed = match verb {
        Verb::Clean => "clean_steps",
        Verb::Service => "service_steps",
        _ => return Ok(()),
    };
    Err(ApiError::invalid(format!(
        "the target {verb} needs {needed} or a runbook"
    )))
}

fn rescue_password(verb: Verb, given: Option<Value>) -> ApiResult<Option<RescuePassword>> {
    match given {
        Some(Value::String(password)) if !password.trim().is_empty() => {
            Ok(Some(RescuePassword(password)))
        }
        // What was given instead may be a password in the wrong place, so it is not repeated.
        Some(_) => Err(ApiError::invalid(
            "rescue_password must be a text that is not empty",
        )),
        None if verb == Verb::Rescue => Err(ApiError::invalid(
            "the target rescue needs a rescue_password that is not empty",
        )),
        None => Ok(None),
    }
}

fn disable_ramdisk(verb: Verb, value: Value, version: ApiVersion) -> ApiResult<Ramdisk> {
    let Value::Bool(disable) = Shape::Flag.check("disable_ramdisk", value)? else {
        return Ok(Ramdisk::Boot);
    };
    let since = match verb {
        Verb::Clean => 70,
        Verb::Service => 108,
        _ => {
            return Err(ApiError::invalid(
                "disable_ramdisk goes with the targets clean and service only",
            ));
        }
    };
    need(version, since, "the argument disable_ramdisk")?;
    Ok(if disable {
        Ramdisk::Disable
    } else {
        Ramdisk::Boot
    })
}

/// A base64 text, a URL, or an object whose parts have the right types.
fn check_configdrive(verb: Verb, drive: &Value, version: ApiVersion) -> ApiResult<()> {
    let on_rebuild = verb == Verb::Rebuild && version.0 >= CONFIG_DRIVE_ON_REBUILD_SINCE;
    if verb != Verb::Active && !on_rebuild {
        return Err(ApiError::invalid(format!(
            "a config drive does not go with the target {}",
            verb
        )));
    }
    match drive {
        Value::String(text) if text == MASK => Err(ApiError::invalid(
            "configdrive is what a config drive is shown as: asterisks are never stored",
        )),
        Value::String(text) if text.contains("://") || text.bytes().all(is_base64) => Ok(()),
        Value::Object(object) => check_drive_object(object, version),
        _ => Err(ApiError::invalid(
            "configdrive must be a JSON object, a URL, or a gzipped ISO 9660 image in base64",
        )),
    }
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=\n\r\t ".contains(&byte)
}

fn check_drive_object(object: &Object, version: ApiVersion) -> ApiResult<()> {
    let since = |since: u16, what: &str| {
        let text = format!("{what} needs API version 1.{since} or newer");
        (version.0 >= since)
            .then_some(())
            .ok_or_else(|| ApiError::invalid(text))
    };
    since(CONFIG_DRIVE_OBJECT_SINCE, "configdrive as an object")?;
    for (key, value) in object {
        let fits = match key.as_str() {
            "meta_data" | "network_data" | "vendor_data" => value.is_object(),
            "user_data" => {
                value.is_object() || value.is_array() || value.is_string() || value.is_null()
            }
            _ => {
                return Err(ApiError::invalid(format!(
                    "{key} is not a part of a config drive"
                )));
            }
        };
        if !fits {
            return Err(ApiError::invalid(format!(
                "{key} of the config drive has the wrong type"
            )));
        }
    }
    if object.contains_key("vendor_data") {
        since(VENDOR_DATA_SINCE, "vendor_data in configdrive")?;
    }
    Ok(())
}
