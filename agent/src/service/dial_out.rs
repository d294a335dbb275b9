//! Fetches requests for the command API, puts them to it, and brings the answers to the conductor.
//!
//! A request may come twice, when its answer was lost or this agent was restarted: the id under which it comes is also
//! that of the command that it starts, so the list of commands knows it and starts nothing anew.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{self, Request};
use ferric_agent_protocol::dial_out::{
    ANSWER_LIMIT_BYTES, DialOutAnswer, DialOutRequest, MAX_AT_ONCE, Method,
};
use ferric_agent_protocol::fault::Fault;
use ferric_agent_protocol::headers::{FERRIC_COMMAND_ID, TOKEN_QUERY};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;
use uuid::Uuid;

use super::heartbeat::Ended;
use crate::agent::Agent;
use crate::conductor::{Conductor, Delivery, DialOutError, deliver, fetch};

/// Questions that are answered with nothing come no closer together than this.
const SHORTEST: Duration = Duration::from_secs(1);
/// After a conductor that was not reached.
const PAUSE: Duration = Duration::from_secs(2);
/// So often an answer is brought to a conductor that does not take it; by then nobody waits for it any more.
const DELIVERIES: u32 = 30;
/// How long an answer may take after the end was asked for.
const LAST_ANSWER_TIME: Duration = Duration::from_secs(5);

/// Until `stop`; what is being answered then is answered.
pub(super) async fn run(
    agent: Arc<Agent>,
    conductor: Arc<Conductor>,
    router: Router,
    stop: CancellationToken,
) -> Ended {
    let desk = Arc::new(Desk {
        agent,
        conductor,
        router,
        in_hand: Arc::default(),
    });
    let places = Arc::new(Semaphore::new(MAX_AT_ONCE));
    let mut work = JoinSet::new();
    while let Some((request, place)) = stop.run_until_cancelled(desk.next(&places)).await {
        let (desk, mark) = (Arc::clone(&desk), desk.mark(request.id));
        work.spawn(async move {
            desk.carry_out(request).await;
            drop(mark);
            drop(place);
        });
        while work.try_join_next().is_some() {}
    }
    let rest = async { while work.join_next().await.is_some() {} };
    if timeout(LAST_ANSWER_TIME, rest).await.is_err() {
        tracing::warn!("some answers were not brought to the conductor at the end");
    }
    Ended::InOrder
}

/// Where requests come in and answers go out.
struct Desk {
    agent: Arc<Agent>,
    conductor: Arc<Conductor>,
    router: Router,
    in_hand: Arc<Mutex<BTreeSet<Uuid>>>,
}

/// A request is in hand as long as this is there.
struct Mark {
    in_hand: Arc<Mutex<BTreeSet<Uuid>>>,
    id: Uuid,
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.in_hand.lock().remove(&self.id);
    }
}

impl Desk {
    /// The next request, as soon as there is a place for it.
    async fn next(&self, places: &Arc<Semaphore>) -> (DialOutRequest, OwnedSemaphorePermit) {
        let place = Arc::clone(places)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let mut failures = 0_u32;
        loop {
            let began = Instant::now();
            let known: Vec<Uuid> = self.in_hand.lock().iter().copied().collect();
            let fetched = fetch(&self.conductor, &self.agent.session, known).await;
            if failures > 0 && fetched.is_ok() {
                tracing::info!(failures, "the conductor gives out requests again");
                failures = 0;
            }
            match fetched {
                Ok(Some(request)) if !self.has(request.id) => return (request, place),
                Ok(_) => sleep_until(began + SHORTEST).await,
                Err(error) => {
                    log_failure(&error, failures);
                    failures = failures.saturating_add(1);
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn has(&self, id: Uuid) -> bool {
        self.in_hand.lock().contains(&id)
    }

    fn mark(&self, id: Uuid) -> Mark {
        self.in_hand.lock().insert(id);
        Mark {
            in_hand: Arc::clone(&self.in_hand),
            id,
        }
    }

    async fn carry_out(&self, request: DialOutRequest) {
        let id = request.id;
        let token = self.agent.session.token.as_deref().unwrap_or_default();
        let answer = match to_http(request, token) {
            Ok(request) => ask(&self.router, request).await,
            Err(error) => fault(400, &format!("400 Bad Request: {error}")),
        };
        self.bring(id, answer).await;
    }

    async fn bring(&self, id: Uuid, mut answer: DialOutAnswer) {
        for _ in 0..DELIVERIES {
            match deliver(&self.conductor, &self.agent.session, id, &answer).await {
                Ok(Delivery::Taken) => return,
                Ok(Delivery::Late) => {
                    tracing::info!(%id, "nobody waits for this answer any more");
                    return;
                }
                Ok(Delivery::TooLarge) => answer = too_large(answer.body.len()),
                Err(error) => {
                    tracing::warn!(%id, error = &error as &dyn Error, "bringing an answer to the conductor");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

/// One line is enough for a conductor that is away for an hour.
fn log_failure(error: &DialOutError, before: u32) {
    let error = error as &dyn Error;
    if before == 0 {
        tracing::warn!(error, "fetching requests from the conductor");
    } else {
        tracing::debug!(error, before, "fetching requests from the conductor");
    }
}

/// The request as it would have come in by the port.
fn to_http(request: DialOutRequest, token: &str) -> Result<Request<Body>, http::Error> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    // Of a key that comes twice the first counts.
    query.append_pair(TOKEN_QUERY, token);
    query.extend_pairs(&request.query);
    let uri = format!("{}?{}", request.path, query.finish());
    let method = match request.method {
        Method::Get => http::Method::GET,
        Method::Post => http::Method::POST,
    };
    let is_command_id = |(name, _): &(String, String)| name.eq_ignore_ascii_case(FERRIC_COMMAND_ID);
    let has_id = request.headers.iter().any(is_command_id);
    let mut builder = Request::builder().method(method).uri(uri);
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if request.method == Method::Post && !has_id {
        builder = builder.header(FERRIC_COMMAND_ID, request.id.to_string());
    }
    builder.body(request.body.map_or_else(Body::empty, Body::from))
}

/// What the command API answers.
async fn ask(router: &Router, request: Request<Body>) -> DialOutAnswer {
    let Ok(response) = TowerToHyperService::new(router.clone()).call(request).await;
    let status = response.status().as_u16();
    match to_bytes(response.into_body(), ANSWER_LIMIT_BYTES).await {
        Ok(bytes) => DialOutAnswer {
            status,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        },
        Err(_) => too_large(ANSWER_LIMIT_BYTES),
    }
}

fn too_large(bytes: usize) -> DialOutAnswer {
    fault(
        500,
        &format!("the answer has {bytes} bytes or more, which is too large to be brought"),
    )
}

fn fault(status: u16, text: &str) -> DialOutAnswer {
    let body = serde_json::json!(Fault::of_status(status, text)).to_string();
    DialOutAnswer { status, body }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::routing::{get, post};

    use super::*;

    const ID: Uuid = Uuid::from_u128(7);

    fn request(method: Method, path: &str) -> DialOutRequest {
        DialOutRequest {
            id: ID,
            method,
            path: path.to_owned(),
            query: vec![("wait".to_owned(), "a b".to_owned())],
            headers: Vec::new(),
            body: None,
        }
    }

    #[test]
    fn the_agents_own_token_comes_first() {
        let mut wanted = request(Method::Get, "/v1/commands/");
        wanted
            .query
            .push((TOKEN_QUERY.to_owned(), "other".to_owned()));
        let made = to_http(wanted, "s&cret").unwrap();
        assert_eq!(made.method(), http::Method::GET);
        let expected = "/v1/commands/?agent_token=s%26cret&wait=a+b&agent_token=other";
        assert_eq!(made.uri(), expected);
        assert!(made.headers().is_empty());
    }

    #[test]
    fn a_command_without_an_id_has_that_of_its_request() {
        let header = |request| {
            let made = to_http(request, "t").unwrap();
            made.headers()[FERRIC_COMMAND_ID].clone()
        };
        let plain = request(Method::Post, "/v1/commands/");
        assert_eq!(header(plain.clone()), ID.to_string());
        let id = ("x-ferric-command-id".to_owned(), "9".to_owned());
        let named = DialOutRequest {
            headers: vec![id],
            ..plain
        };
        assert_eq!(header(named), "9");
    }

    #[tokio::test]
    async fn an_answer_is_what_the_api_says_byte_for_byte() {
        let echo = |headers: HeaderMap, body: String| async move {
            (
                http::StatusCode::CONFLICT,
                format!("{{ \"id\": {:?},{body} }}", headers[FERRIC_COMMAND_ID]),
            )
        };
        let router = Router::new()
            .route("/v1/commands/", post(echo))
            .route("/v1/status", get(|| async { "{}" }));
        let command = DialOutRequest {
            body: Some("\"\u{e4}\": 1".to_owned()),
            ..request(Method::Post, "/v1/commands/")
        };
        let answer = ask(&router, to_http(command, "t").unwrap()).await;
        let body = format!("{{ \"id\": \"{ID}\",\"\u{e4}\": 1 }}");
        assert_eq!(answer, DialOutAnswer { status: 409, body });
        let other = to_http(request(Method::Get, "/v1/status"), "t").unwrap();
        let body = "{}".to_owned();
        assert_eq!(
            ask(&router, other).await,
            DialOutAnswer { status: 200, body }
        );
    }

    #[test]
    fn a_path_that_is_none_is_refused() {
        assert!(to_http(request(Method::Get, "v1 commands"), "t").is_err());
    }
}
