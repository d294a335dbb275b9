//! Posting, listing and reading commands. All of it needs the token.

use std::convert::Infallible;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use bytes::Bytes;
use ferric_agent_protocol::command::{CommandList, CommandRequest, CommandResult};
use ferric_agent_protocol::headers::{FERRIC_COMMAND_ID, FERRIC_EPOCH, LOG_QUERY, TOKEN_QUERY};
use ferric_agent_protocol::log::LogPlace;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::form_urlencoded;
use uuid::Uuid;

use super::Api;
use super::fault::ApiError;
use crate::commands::{Begun, Mode, Order, start};
use crate::own_log::own_log;

/// As long as a conductor waits for its answer.
const BODY_TIME: Duration = Duration::from_secs(60);

/// What may stand behind the question mark; unknown keys are ignored, and of one that comes twice the first counts.
#[derive(Default)]
pub(super) struct CommandQuery {
    agent_token: Option<String>,
    wait: Option<String>,
    log: Option<String>,
}

impl CommandQuery {
    fn parse(query: &str) -> Self {
        let mut parsed = Self::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            let field = match &*key {
                TOKEN_QUERY => &mut parsed.agent_token,
                "wait" => &mut parsed.wait,
                LOG_QUERY => &mut parsed.log,
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
    let place = query.log.filter(|_| api.agent.tells_log);
    Ok(Json(CommandList {
        commands: api.agent.ledger.list(),
        ferric_log: place.map(|place| own_log().behind(LogPlace::parse(&place))),
    }))
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
    body: Request,
) -> Result<Json<CommandResult>, ApiError> {
    api.check_token(&query)?;
    let request = parse(&read(&api.bodies, body, BODY_TIME).await?)?;
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

/// Only for those who have the token, since a body may take much memory and time.
async fn read(bodies: &Semaphore, request: Request, limit: Duration) -> Result<Bytes, ApiError> {
    let _turn = bodies.acquire().await;
    let body = timeout(limit, Bytes::from_request(request, &())).await;
    Ok(body.map_err(|_| ApiError::too_slow())??)
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
pub(super) fn parse(body: &[u8]) -> Result<CommandRequest, ApiError> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(&format!("the body is not JSON: {error}")))?;
    let mut request: CommandRequest = serde_json::from_value(value).map_err(|error| {
        ApiError::bad_request(&format!("Missing or invalid name or params: {error}"))
    })?;
    drop_copies(&mut request.params);
    Ok(request)
}

/// The config drive counts as the argument of its command alone; Ironic's copies of it elsewhere only take room.
fn drop_copies(params: &mut Map<String, Value>) {
    for path in ["node/instance_info", "image_info", "step/args/image_info"] {
        let mut names = path.split('/');
        let first = names.next().and_then(|name| params.get_mut(name));
        let place = names.fold(first, |value, name| value?.get_mut(name));
        if let Some(Value::Object(place)) = place {
            place.remove("configdrive");
        }
    }
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

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::DefaultBodyLimit;
    use axum::response::IntoResponse;
    use futures_util::stream::pending;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let endless = Body::from_stream(pending::<Result<Bytes, std::io::Error>>());
        let error = read(
            &Semaphore::new(1),
            Request::new(endless),
            Duration::from_millis(20),
        )
        .await
        .unwrap_err();
        assert_eq!(error.into_response().status(), 408);
    }

    #[tokio::test]
    async fn a_body_beyond_the_limit_is_refused() {
        let mut request = Request::new(Body::from("eleven byte"));
        DefaultBodyLimit::max(10).apply(&mut request);
        let error = read(&Semaphore::new(1), request, BODY_TIME).await;
        assert_eq!(error.unwrap_err().into_response().status(), 413);
    }

    #[test]
    fn copies_of_the_config_drive_are_dropped() {
        let body = json!({"name": "deploy.execute_deploy_step", "params": {
            "node": {"uuid": "u", "instance_info": {"configdrive": "c", "a": 1}},
            "step": {"step": "write_image", "args": {
                "configdrive": "c", "image_info": {"id": "i", "configdrive": "c"},
            }},
            "image_info": {"configdrive": "c"},
        }});
        let request = parse(&serde_json::to_vec(&body).unwrap()).unwrap();
        let expected = json!({
            "node": {"uuid": "u", "instance_info": {"a": 1}},
            "step": {"step": "write_image", "args": {"configdrive": "c", "image_info": {"id": "i"}}},
            "image_info": {},
        });
        assert_eq!(json!(request.params), expected);
    }
}
