//! `PUT {node}/states/provision`: a verb with what comes along, checked in Ironic's order.

use super::find;
use super::runbook;
use super::states::{accepted, refuse_rest};
use super::steps::{self, StepList};
use crate::api::access::{Rule, Target, rules};
use crate::api::arguments::missing;
use crate::api::body::JsonObject;
use crate::api::call::Call;
use crate::api::error::{ApiError, ApiResult};
use crate::api::fields::need;
use crate::api::gates::{
    CLEAN_WITHOUT_RAMDISK, CONFIG_DRIVE_OBJECT, CONFIG_DRIVE_ON_REBUILD, DEPLOY_STEPS,
    SERVICE_WITHOUT_RAMDISK, VENDOR_DATA,
};
use crate::api::masking::is_masked;
use crate::api::path::Path;
use crate::api::shape::Shape;
use crate::api::version::ApiVersion;
use crate::conductor::requests::{ProvisionRequest, Ramdisk, RequestedStep, RescuePassword};
use crate::conductor::wrong_state::not_in_this_state;
use axum::response::Response;
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, Object};
use ferric_model::recipe::Runbook;
use ferric_model::verb::Verb;
use serde_json::Value;

/// `deploy` is another word for `active`, and takes what that takes; Ironic forgot it here.
const DEPLOYS: [Verb; 3] = [Verb::Active, Verb::Deploy, Verb::Rebuild];

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
    let Checked { node, request, .. } = asked(&call, &ident, body).await?;
    call.conductor().provision(node, request).await?;
    Ok(accepted(&call, &ident, "states"))
}

/// A verb that may be begun, as far as can be told without the node's lock.
pub(in crate::api) struct Checked {
    pub(in crate::api) node: NodeId,
    pub(in crate::api) request: ProvisionRequest,
    /// What lets the caller.
    pub(in crate::api) rules: Vec<Rule>,
    /// Interface and step of those that may have rules of their own: all but those of a runbook that is everybody's.
    pub(in crate::api) ruled_steps: Vec<(String, String)>,
}

/// What the body asks for, checked.
pub(in crate::api) async fn asked(call: &Call, ident: &str, body: Object) -> ApiResult<Checked> {
    let asked = Asked::parse(body)?;
    let node = find::node(call, ident).await?.node;
    let rules = asked.rules();
    let target = Target::of_node(&node);
    let mut each = rules.iter();
    each.try_for_each(|rule| call.access.check(rule, target))?;
    let verb = verb(&asked.target, &node, call.version)?;
    let runbook = runbook::named(call, asked.runbook.as_ref(), verb, &node).await?;
    let mut request = asked.check(verb, &node, call.version)?;
    request.asked_by = call.access.requester();
    if let Some(runbook) = &runbook {
        request = runbook::applied(request, runbook)?;
    }
    let is_approved = |runbook: &Runbook| runbook.public || runbook.owner.is_none();
    let ruled_steps = match runbook.as_ref().is_some_and(is_approved) {
        true => Vec::new(),
        false => {
            let steps = request.steps.iter();
            steps
                .map(|step| (step.interface.clone(), step.step.clone()))
                .collect()
        }
    };
    let checked = Checked {
        node: node.uuid,
        request,
        rules,
        ruled_steps,
    };
    checked.check_steps(call, target)?;
    Ok(checked)
}

impl Checked {
    /// 403 unless the rules of a file for single steps let the caller have them done to such a node.
    pub(in crate::api) fn check_steps(&self, call: &Call, node: Target<'_>) -> ApiResult<()> {
        let steps = self.ruled_steps.iter();
        let steps = steps.map(|(interface, step)| (interface.as_str(), step.as_str()));
        call.access.check_steps(steps, node)
    }
}

/// 406 for a verb that is too new, 400 for one that is none or not for this state, 409 if somebody works on the node.
fn verb(target: &str, node: &Node, version: ApiVersion) -> ApiResult<Verb> {
    let verb: Option<Verb> = target.parse().ok();
    let early = verb.filter(|verb| !verb.is_gated_after_the_state());
    if let Some(verb) = early {
        need(version, verb.since(), &format!("the target {verb}"))?;
    }
    if node.maintenance && verb.is_some_and(|verb| DEPLOYS.contains(&verb)) {
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
    fn rules(&self) -> Vec<Rule> {
        let lists = [
            (&self.clean_steps, rules::NODE_SET_PROVISION_CLEAN),
            (&self.service_steps, rules::NODE_SET_PROVISION_SERVICE),
        ];
        let given = lists.into_iter().filter(|(steps, _)| steps.is_some());
        let given = given.map(|(_, rule)| rule);
        [rules::NODE_SET_PROVISION]
            .into_iter()
            .chain(given)
            .collect()
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
        only_with(verb, "deploy_steps", self.deploy_steps.as_ref(), &DEPLOYS)?;
        if self.deploy_steps.is_some() {
            need(version, DEPLOY_STEPS, "the argument deploy_steps")?;
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
        let targets = targets.join(", ");
        return Err(ApiError::invalid(format!(
            "{key} goes with these targets only: {targets}"
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
        Verb::Clean => CLEAN_WITHOUT_RAMDISK,
        Verb::Service => SERVICE_WITHOUT_RAMDISK,
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
    let too_old = verb == Verb::Rebuild && version.0 < CONFIG_DRIVE_ON_REBUILD;
    if too_old || !DEPLOYS.contains(&verb) {
        return Err(ApiError::invalid(format!(
            "a config drive does not go with the target {}",
            verb
        )));
    }
    match drive {
        Value::String(text) if is_masked(text) => Err(ApiError::invalid(
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
    since(CONFIG_DRIVE_OBJECT, "configdrive as an object")?;
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
        since(VENDOR_DATA, "vendor_data in configdrive")?;
    }
    Ok(())
}
