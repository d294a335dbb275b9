//! `inject_files`: files of the operator in the deployed system.

use std::sync::Arc;

use ferric_agent_protocol::node::Node;
use ferric_agent_protocol::steps::StepKind;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::argsinfo::{self, Need};
use super::failure::{ErrorKind, Failure};
use super::image::patience;
use super::run::{Outcome, Params, Run, arguments, on_thread};
use super::steps::error_kind;
use crate::agent::Agent;
use crate::config::ApiSettings;
use crate::image::HttpSettings;
use crate::inject::{self, InjectError, Source};
use crate::tls::{self, TlsError};

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    files: Option<Value>,
    #[serde(default)]
    verify_ca: Option<bool>,
}

pub(super) fn argsinfo() -> Map<String, Value> {
    let files = "Objects with path, partition, content (base64 or a URL) or deleted, mode, dirmode, owner and group.";
    argsinfo::argsinfo(&[
        ("files", Need::Optional, files),
        (
            "verify_ca",
            Need::Optional,
            "Whether certificates of servers are verified.",
        ),
    ])
}

/// The result names the files and the partitions that they are on.
pub(super) async fn files(
    run: &Run,
    kind: StepKind,
    node: Node,
    (ports, params): (Vec<Value>, Params),
) -> Outcome {
    let wanted: Wanted = arguments(params)?;
    let agent = Arc::clone(&run.agent);
    let http = http(&agent, wanted.verify_ca);
    let http = http.map_err(|error| Failure::caused_by(error_kind(kind), &error))?;
    let inject = move || {
        let source = Source {
            http: &http,
            patience: patience(&agent.settings.image_server),
            stop: agent.stop_writing.child(),
        };
        inject::inject(&agent.host, &node, &ports, wanted.files.as_ref(), &source)
    };
    let kind_of = |error: &InjectError| {
        if error.is_of_the_request() {
            ErrorKind::InvalidParams
        } else {
            error_kind(kind)
        }
    };
    let injected = on_thread(inject).await?;
    injected.map_err(|error| Failure::caused_by(kind_of(&error), &error))
}

/// The agent's own trust, or none where the operator says that certificates are not to be verified.
fn http(agent: &Agent, verify_ca: Option<bool>) -> Result<HttpSettings, TlsError> {
    if verify_ca != Some(false) {
        return Ok(agent.image_http.clone());
    }
    let api = ApiSettings {
        insecure: true,
        ..agent.settings.api.clone()
    };
    Ok(HttpSettings {
        tls: tls::client_config(&api)?,
        ..agent.image_http.clone()
    })
}
