//! Posting, listing and reading commands. All of it needs the token.

use std::convert::Infallible;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{FromRequestParts, Path, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use bytes::Bytes;
use ferric_agent_protocol::command::{CommandList, CommandRequest, CommandResult};
use ferric_agent_protocol::headers::{FERRIC_COMMAND_ID, FERRIC_EPOCH, TOKEN_QUERY};
use serde_json::Value;
use url::form_urlencoded;
use uuid::Uuid;

use super::Api;
use super::fault::ApiError;
use crate::commands::{Begun, Mode, Order, start};

/// What may stand behind the question mark; unknown keys are ignored, and of one that comes twice the first counts.
#[derive(Default)]
pub(super) struct CommandQuery {
    agent_token: Option<String>,
    wait: Option<String>,
}

impl CommandQuery {
    fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let field = match &*key {
                TOKEN_QUERY => &mut parsed.agent_token,
                "wait" => &mut parsed.wait,
                _ => continue,
            };
            field.get_or_insert_with(|| value.into_owned());
        }
        parsed
    }

    fn waits(&self) -> bool {
        self.wait
            .as_deref()
            .is_some_and(|wait| wait.eq_ignore_ascii_case("true"))
    }
}

/// Whatever stands there, it is never a request that axum refuses in its own words.
impl FromRequestParts<Api> for CommandQuery {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

impl Api {
    /// Nobody has a token before the lookup has brought one, so until then nobody may do anything.
    fn check_token(&self, query: &CommandQuery) -> Result<(), ApiError> {
        let token = self.agent.session.token.as_deref().unwrap_or_default();
        let sent = query.agent_token.as_deref().unwrap_or_default();
        let equal = verify_slices_are_equal(sent.as_bytes(), token.as_bytes()).is_ok();
        if equal && !token.is_empty() {
            return Ok(());
        }
        Err(ApiError::unauthorized())
    }
}

pub(super) async fn list(
    State(api): State<Api>,
    query: CommandQuery,
) -> Result<Json<CommandList>, ApiError> {
    api.check_token(&query)?;
    let commands = api.agent.ledger.list();
    Ok(Json(CommandList { commands }))
}

pub(super) async fn get(
    State(api): State<Api>,
    id: Result<Path<String>, PathRejection>,
    query: CommandQuery,
) -> Result<Json<CommandResult>, ApiError> {
    api.check_token(&query)?;
    let Ok(Path(id)) = id else {
        return Err(ApiError::no_such_command("(not UTF-8)"));
    };
    let unknown = || ApiError::no_such_command(&id);
    let uuid = id.parse().map_err(|_| unknown())?;
    answer(&api, uuid, query.waits()).await.ok_or_else(unknown)
}

pub(super) async fn post(
    State(api): State<Api>,
    query: CommandQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<CommandResult>, ApiError> {
    api.check_token(&query)?;
    let request = parse(&body?)?;
    let order = Order {
        name: &request.name,
        params: &request.params,
        id: header(&headers, FERRIC_COMMAND_ID)?,
        epoch: header(&headers, FERRIC_EPOCH)?,
    };
    let (id, waits) = match api.agent.ledger.begin(&order)? {
        Begun::Known(id) => (id, query.waits()),
        Begun::New {
            id,
            command,
            progress,
        } => {
            start(&api.agent, id, command, progress, request.params);
            (id, query.waits() || command.mode() == Mode::Sync)
        }
    };
    let answered = answer(&api, id, waits).await;
    answered.ok_or_else(|| ApiError::no_such_command(&id.to_string()))
}

async fn answer(api: &Api, id: Uuid, waits: bool) -> Option<Json<CommandResult>> {
    let ledger = &api.agent.ledger;
    let result = if waits {
        ledger.wait(id).await
    } else {
        ledger.get(id)
    };
    result.map(Json)
}

/// The content type is not looked at, as Ironic's agent does not.
fn parse(body: &[u8]) -> Result<CommandRequest, ApiError> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(&format!("the body is not JSON: {error}")))?;
    serde_json::from_value(value).map_err(|error| {
        ApiError::bad_request(&format!("Missing or invalid name or params: {error}"))
    })
}

/// An extension's header; one that makes no sense is refused, since ignoring it could write an image twice.
fn header<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Result<Option<T>, ApiError> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let parsed = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    parsed
        .map(Some)
        .ok_or_else(|| ApiError::bad_request(&format!("the header {name} makes no sense")))
}
