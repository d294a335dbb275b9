//! A conductor for one agent: it answers what the test says, and remembers what it was asked.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::desk::{self, Desk};
use crate::log_push::{self, LogDesk};

pub(crate) const NODE: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";
pub(crate) const TOKEN: &str = "0123456789012345678901234567890123456789012";

/// How much of the hanging file comes.
pub(crate) const HANG_AFTER: usize = 2 << 20;

const PATIENCE: Duration = Duration::from_secs(30);

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) headers: HeaderMap,
    pub(crate) query: HashMap<String, String>,
    pub(crate) body: Value,
}

/// What is answered to the next lookups; the last answer stays.
type Answers = VecDeque<(u16, Value)>;

#[derive(Default)]
pub(crate) struct Book {
    probes: Vec<Asked>,
    lookups: Vec<Asked>,
    heartbeats: Vec<Asked>,
    inspections: Vec<Asked>,
    /// For an agent that dials out.
    pub(crate) desk: Desk,
    pub(crate) log: LogDesk,
    lookup_answers: Answers,
    inspection_answers: Answers,
    heartbeat_status: u16,
    /// Heartbeats are not answered, and not counted.
    is_silent: bool,
    /// Heartbeats with another token are refused.
    token: Option<String>,
    files: HashMap<String, Vec<u8>>,
    /// How often the beginning of a stalling file was sent.
    stalls: usize,
    stalls_no_more: bool,
}

#[derive(Clone)]
pub(crate) struct Shared {
    version: String,
    pub(crate) book: Arc<Mutex<Book>>,
    pub(crate) changed: watch::Sender<()>,
}

/// The running conductor; dropping it ends it.
pub(crate) struct Conductor {
    pub(crate) url: String,
    pub(crate) shared: Shared,
    _server: JoinSet<()>,
}

/// A lookup's answer as Ironic gives it.
pub(crate) fn lookup_answer(token: &str) -> Value {
    json!({
        "node": {
            "uuid": NODE, "properties": {}, "instance_info": {}, "driver_internal_info": {}, "links": [],
        },
        "config": {
            "heartbeat_timeout": 300, "agent_token": token, "agent_token_required": true,
            "agent_md5_checksum_enable": true, "tls_min_version": "1.3",
        },
    })
}

impl Conductor {
    pub(crate) async fn start() -> Self {
        Self::of_version("1.115").await
    }

    pub(crate) async fn of_version(version: &str) -> Self {
        Self::at("127.0.0.1:0", version).await
    }

    /// One that is reached by IPv6.
    pub(crate) async fn of_ipv6() -> Self {
        Self::at("[::1]:0", "1.115").await
    }

    async fn at(address: &str, version: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let book = Book {
            lookup_answers: [(200, lookup_answer(TOKEN))].into(),
            inspection_answers: [(202, json!({"uuid": NODE}))].into(),
            heartbeat_status: 202,
            ..Book::default()
        };
        let shared = Shared {
            version: version.to_owned(),
            book: Arc::new(Mutex::new(book)),
            changed: watch::Sender::new(()),
        };
        let router = router(shared.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            shared,
            _server: server,
        }
    }

    pub(crate) fn answer_lookups(&self, answers: impl IntoIterator<Item = (u16, Value)>) {
        self.shared.book.lock().lookup_answers = answers.into_iter().collect();
    }

    pub(crate) fn answer_inspections(&self, answers: impl IntoIterator<Item = (u16, Value)>) {
        self.shared.book.lock().inspection_answers = answers.into_iter().collect();
    }

    pub(crate) fn answer_heartbeats(&self, status: u16) {
        self.shared.book.lock().heartbeat_status = status;
    }

    /// Heartbeats that come while this is so get no answer, as from a conductor that hangs.
    pub(crate) fn be_silent(&self, is_silent: bool) {
        self.shared.book.lock().is_silent = is_silent;
    }

    /// From now on only heartbeats with this token are accepted.
    pub(crate) fn accept_only(&self, token: &str) {
        self.shared.book.lock().token = Some(token.to_owned());
    }

    /// Serves bytes under `/files/<name>`; answers their address.
    pub(crate) fn serve_file(&self, name: &str, bytes: Vec<u8>) -> String {
        self.shared.book.lock().files.insert(name.to_owned(), bytes);
        format!("{}/files/{name}", self.url)
    }

    /// A file whose end never comes.
    pub(crate) fn hanging_file(&self) -> String {
        format!("{}/hang", self.url)
    }

    /// Serves bytes of which the second half does not come until the end of all stalls; answers their address.
    pub(crate) fn serve_stalling_file(&self, name: &str, bytes: Vec<u8>) -> String {
        self.serve_file(name, bytes);
        format!("{}/stalling/{name}", self.url)
    }

    /// Waits for the stall with this number, counted from one.
    pub(crate) async fn stall(&self, number: usize) {
        let what = format!("stall {number}");
        self.until(&what, |book| (book.stalls >= number).then_some(()))
            .await;
    }

    /// From now on stalling files are sent whole to those who ask.
    pub(crate) fn end_stalls(&self) {
        self.shared.book.lock().stalls_no_more = true;
    }

    pub(crate) fn lookups(&self) -> Vec<Asked> {
        self.shared.book.lock().lookups.clone()
    }

    pub(crate) fn heartbeats(&self) -> Vec<Asked> {
        self.shared.book.lock().heartbeats.clone()
    }

    pub(crate) fn inspections(&self) -> Vec<Asked> {
        self.shared.book.lock().inspections.clone()
    }

    /// Waits for the heartbeat with this number, counted from one.
    pub(crate) async fn heartbeat(&self, number: usize) -> Asked {
        self.until(&format!("heartbeat {number}"), |book| {
            book.heartbeats.get(number - 1).cloned()
        })
        .await
    }

    pub(crate) async fn lookup(&self, number: usize) -> Asked {
        self.until(&format!("lookup {number}"), |book| {
            book.lookups.get(number - 1).cloned()
        })
        .await
    }

    /// Waits for the question which versions there are, asked for this time.
    pub(crate) async fn probe(&self, number: usize) -> Asked {
        self.until(&format!("probe {number}"), |book| {
            book.probes.get(number - 1).cloned()
        })
        .await
    }

    /// Waits for inspection data; their number is counted from one, too.
    pub(crate) async fn inspection(&self, number: usize) -> Asked {
        self.until(&format!("inspection {number}"), |book| {
            book.inspections.get(number - 1).cloned()
        })
        .await
    }

    pub(crate) async fn until<T>(&self, what: &str, find: impl Fn(&Book) -> Option<T>) -> T {
        let mut changed = self.shared.changed.subscribe();
        let wait = async {
            loop {
                if let Some(found) = find(&self.shared.book.lock()) {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        };
        timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("{what} did not come"))
    }
}

impl Shared {
    pub(crate) fn note(&self, note: impl FnOnce(&mut Book) -> (u16, Value)) -> Response {
        let (status, body) = note(&mut self.book.lock());
        self.changed.send_replace(());
        (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
    }
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/v1/lookup", get(lookup))
        .route("/v1/heartbeat/{node}", post(heartbeat))
        .route("/v1/continue_inspection", post(inspection))
        .route("/files/{name}", get(file))
        .route("/stalling/{name}", get(stalling_file))
        .route("/hang", get(hang))
        .merge(desk::routes())
        .merge(log_push::routes())
        .with_state(shared)
}

fn next(answers: &mut Answers) -> (u16, Value) {
    if answers.len() > 1 {
        return answers.pop_front().unwrap();
    }
    answers[0].clone()
}

async fn root(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let version = json!({"id": "v1", "version": shared.version, "min_version": "1.1"});
    let asked = Asked {
        headers,
        query: HashMap::new(),
        body: Value::Null,
    };
    shared.note(|book| {
        book.probes.push(asked);
        (200, json!({"default_version": version}))
    })
}

async fn lookup(
    State(shared): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let asked = Asked {
        headers,
        query,
        body: Value::Null,
    };
    shared.note(|book| {
        book.lookups.push(asked);
        next(&mut book.lookup_answers)
    })
}

async fn heartbeat(
    State(shared): State<Shared>,
    Path(node): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let is_silent = shared.book.lock().is_silent;
    if is_silent {
        return std::future::pending().await;
    }
    let query = HashMap::from([("node".to_owned(), node)]);
    let asked = Asked {
        headers,
        query,
        body,
    };
    shared.note(|book| {
        let token = asked.body["agent_token"].as_str().map(str::to_owned);
        book.heartbeats.push(asked);
        if book.token.is_some() && book.token != token {
            let text = "Invalid or missing agent token received.";
            return (400, json!({"error_message": {"faultstring": text}}));
        }
        (
            book.heartbeat_status,
            json!({"error_message": {"faultstring": "as the test wants it"}}),
        )
    })
}

async fn inspection(
    State(shared): State<Shared>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let asked = Asked {
        headers,
        query,
        body,
    };
    shared.note(|book| {
        book.inspections.push(asked);
        next(&mut book.inspection_answers)
    })
}

async fn file(State(shared): State<Shared>, Path(name): Path<String>) -> Response {
    match shared.book.lock().files.get(&name) {
        Some(bytes) => Bytes::from(bytes.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn stalling_file(State(shared): State<Shared>, Path(name): Path<String>) -> Response {
    let bytes = shared.book.lock().files[&name].clone();
    if shared.book.lock().stalls_no_more {
        return bytes.into_response();
    }
    shared.book.lock().stalls += 1;
    shared.changed.send_replace(());
    let length = bytes.len();
    beginning(bytes[..length / 2].to_vec(), length)
}

async fn hang() -> Response {
    beginning(vec![7; HANG_AFTER], 2 * HANG_AFTER)
}

/// An answer of which nothing comes after these bytes.
fn beginning(bytes: Vec<u8>, length: usize) -> Response {
    let beginning = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(bytes))]);
    let stream = futures_util::StreamExt::chain(beginning, futures_util::stream::pending());
    let headers = [(CONTENT_LENGTH, length.to_string())];
    (headers, Body::from_stream(stream)).into_response()
}
