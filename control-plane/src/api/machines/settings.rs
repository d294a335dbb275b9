//! The answer to a lookup: the node as an agent needs it, and how the agent is to behave.

use crate::api::call::Call;
use crate::api::error::ApiResult;
use crate::api::selection::Selection;

use crate::api::nodes::view::View;
use crate::api::version::ApiVersion;
use crate::conductor::requests::LookupAnswer;
use crate::config::Agent;
use ferric_agent_protocol::extensions::Extensions;
use serde_json::{Value, json};

const NODE_FIELDS: [&str; 4] = [
    "uuid",
    "properties",
    "instance_info",
    "driver_internal_info",
];

/// Management interfaces that know the BMC's address without being told.
const KNOWS_BMC: &[&str] = &["redfish", "idrac-redfish"];

pub(super) async fn answer(call: &Call, answer: &LookupAnswer) -> ApiResult<Value> {
    let version = call.version.max(ApiVersion(8));
    let selection = Selection::Named(NODE_FIELDS.map(str::to_owned).into());
    let view = View::at(call, version, selection).await?;
    let node = view.show(&answer.node);
    let agent = &call.conductor().settings().agent;
    Ok(json!({"node": node, "config": config(answer, agent)}))
}

/// Ironic's keys, with its defaults where nothing is set; `ferric` is ours, and only for agents that offered something.
fn config(answer: &LookupAnswer, agent: &Agent) -> Value {
    let management = answer.node.interface("management");
    let mut config = json!({
        "metrics": {
            "backend": "noop",
            "prepend_host": false,
            "prepend_uuid": false,
            "prepend_host_reverse": true,
            "global_prefix": null,
        },
        "metrics_statsd": {"statsd_host": "localhost", "statsd_port": 8125},
        "heartbeat_timeout": answer.heartbeat_timeout_s,
        "agent_containers": {
            "allow_arbitrary_containers": false,
            "allowed_containers": [],
            "container_steps_file": "/etc/ironic-python-agent.d/mysteps.yaml",
            "runner": "podman",
            "pull_options": [],
            "run_options": ["--rm", "--network=host"],
        },
        "agent_token": answer.token,
        "agent_token_required": true,
        "agent_md5_checksum_enable": true,
        "disable_deep_image_inspection": false,
        "permitted_image_formats": ["raw", "gpt", "qcow2", "iso"],
        "agent_skip_bmc_detect": management.is_some_and(|name| KNOWS_BMC.contains(&name)),
        "enable_bios_bootloader_install": agent.enable_bios_bootloader_install,
        "tls_min_version": "1.2",
        "tls_cipher_suites": null,
    });
    if answer.extensions != Extensions::default() {
        config["ferric"] = json!(answer.extensions);
    }
    config
}
