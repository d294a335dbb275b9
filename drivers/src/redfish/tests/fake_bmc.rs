//! A Redfish service in the test's own process. What is odd about it is data: see `oddities`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::oddities::{Auth, Call, Fault, Oddities, Reply, Resources, Tags};
use super::resources::{merge, resources};

/// What the user of every fake BMC is called, and the password.
pub(super) const USER: &str = "admin";
pub(super) const PASSWORD: &str = "secret";
/// `admin:secret` in base64.
const BASIC: &str = "Basic YWRtaW46c2VjcmV0";

/// A running fake BMC; dropping it ends it.
pub(super) struct FakeBmc {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

struct Shared {
    oddities: Oddities,
    inner: Mutex<Inner>,
    busy: AtomicUsize,
    busiest: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    resources: Resources,
    faults: Vec<Fault>,
    tokens: Vec<String>,
    sessions_opened: usize,
    tag: u32,
    /// The state that comes after so many reads.
    next_power: Option<(&'static str, usize)>,
    log: Vec<String>,
}

impl FakeBmc {
    pub(super) async fn start(oddities: Oddities) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::new(oddities));
        let service = service(shared.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self {
            address,
            shared,
            _server: server,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, each with method, path and body.
    pub(super) fn log(&self) -> Vec<String> {
        self.shared.inner.lock().log.clone()
    }

    /// The requests that changed something, without paths: what was sent, in order.
    pub(super) fn changes(&self) -> Vec<String> {
        let log = self.log();
        let bodies = log
            .iter()
            .filter(|line| line.starts_with("PATCH") || line.contains("Reset "))
            .filter_map(|line| line.splitn(3, ' ').nth(2));
        bodies.map(str::to_owned).collect()
    }

    pub(super) fn count(&self, start: &str) -> usize {
        self.log()
            .iter()
            .filter(|line| line.starts_with(start))
            .count()
    }

    pub(super) fn sessions_opened(&self) -> usize {
        self.shared.inner.lock().sessions_opened
    }

    pub(super) fn open_sessions(&self) -> usize {
        self.shared.inner.lock().tokens.len()
    }

    /// The BMC forgets every session, as after a restart of its own.
    pub(super) fn expire_sessions(&self) {
        self.shared.inner.lock().tokens.clear();
    }

    /// The most requests that were under way at once.
    pub(super) fn busiest(&self) -> usize {
        self.shared.busiest.load(Ordering::SeqCst)
    }

    pub(super) fn power(&self) -> Value {
        self.resource("/redfish/v1/Systems/1")["PowerState"].clone()
    }

    pub(super) fn resource(&self, path: &str) -> Value {
        self.shared.inner.lock().resources[path].clone()
    }

    /// Changes a resource as the BMC itself does, by a merge patch.
    pub(super) fn change(&self, path: &str, patch: &Value) {
        let mut inner = self.shared.inner.lock();
        merge(inner.resources.entry(path.to_owned()).or_default(), patch);
    }
}

/// The service alone, for tests that bring their own listener.
pub(super) fn plain_service() -> axum::Router {
    service(Arc::new(Shared::new(Oddities::default())))
}

fn service(shared: Arc<Shared>) -> axum::Router {
    axum::Router::new().fallback(answer).with_state(shared)
}

impl Shared {
    fn new(oddities: Oddities) -> Self {
        let inner = Inner {
            resources: resources(&oddities),
            faults: oddities.faults.clone(),
            ..Inner::default()
        };
        Self {
            oddities,
            inner: Mutex::new(inner),
            busy: AtomicUsize::new(0),
            busiest: AtomicUsize::new(0),
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let busy = shared.busy.fetch_add(1, Ordering::SeqCst) + 1;
    shared.busiest.fetch_max(busy, Ordering::SeqCst);
    let answer = handle(&shared, request).await;
    shared.busy.fetch_sub(1, Ordering::SeqCst);
    answer
}

async fn handle(shared: &Shared, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    let body: Value = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).unwrap()
    };
    let (method, path) = (
        parts.method.as_str().to_owned(),
        parts.uri.path().to_owned(),
    );
    let line = format!(
        "{method} {path} {}",
        if body.is_null() {
            String::new()
        } else {
            body.to_string()
        }
    );
    shared.inner.lock().log.push(line.trim_end().to_owned());
    let fault = shared.inner.lock().take_fault(&format!("{method} {path}"));
    let serve = || shared.serve(&method, &path, &parts.headers, &body);
    match fault {
        None => serve(),
        Some(fault) if fault.status != 0 => fault.answer(),
        Some(fault) if fault.answers_late => {
            let answer = serve();
            tokio::time::sleep(fault.delay).await;
            answer
        }
        Some(fault) => {
            tokio::time::sleep(fault.delay).await;
            serve()
        }
    }
}

impl Inner {
    fn take_fault(&mut self, request: &str) -> Option<Fault> {
        let fault = self
            .faults
            .iter_mut()
            .find(|fault| fault.times > 0 && request.starts_with(fault.request))?;
        fault.times -= 1;
        Some(fault.clone())
    }
}

impl Shared {
    fn serve(&self, method: &str, path: &str, headers: &HeaderMap, body: &Value) -> Response<Body> {
        if let Some(answer) = self.authenticate(method, path, headers, body) {
            return answer;
        }
        let call = Call { method, path, body };
        if let Some(reply) = (self.oddities.effect)(&mut self.inner.lock().resources, &call) {
            return reply.answer();
        }
        match method {
            "GET" => self.get(path),
            "PATCH" => self.patch(path, headers, body),
            "POST" => self.reset(path, body),
            _ => status(405),
        }
    }

    fn authenticate(
        &self,
        method: &str,
        path: &str,
        headers: &HeaderMap,
        body: &Value,
    ) -> Option<Response<Body>> {
        let is_session = path.starts_with("/redfish/v1/SessionService/Sessions");
        let mut inner = self.inner.lock();
        let token = headers
            .get("x-auth-token")
            .and_then(|value| value.to_str().ok());
        let has_token = token.is_some_and(|token| inner.tokens.iter().any(|known| known == token));
        let has_password = headers
            .get("authorization")
            .is_some_and(|value| value == BASIC);
        match (self.oddities.auth, method) {
            (Auth::Open, _) => None,
            _ if path == "/redfish/v1/" && method == "GET" => None,
            (Auth::SessionsRefused(code), "POST") if is_session => Some(status(code)),
            (Auth::NoToken, "POST") if is_session => Some(status(201)),
            (Auth::Challenge, "POST") if is_session => Some(challenge()),
            (Auth::Sessions, "POST") if is_session => Some(inner.open_session(body)),
            (Auth::Sessions, "DELETE") if is_session && has_token => {
                inner.tokens.retain(|known| Some(known.as_str()) != token);
                Some(status(204))
            }
            (Auth::Basic | Auth::Challenge, _) if !has_password => Some(challenge()),
            _ if has_token || has_password => None,
            _ => Some(status(401)),
        }
    }

    fn get(&self, path: &str) -> Response<Body> {
        let mut inner = self.inner.lock();
        inner.advance_power(path);
        let Some(resource) = inner.resources.get(path) else {
            return status(404);
        };
        let mut response = Response::builder()
            .status(200)
            .header("content-type", "application/json");
        match self.oddities.tags {
            Tags::None | Tags::Demanded => {}
            Tags::Changed | Tags::NeverMatch => {
                response = response.header("etag", format!("\"{}\"", inner.tag))
            }
            Tags::WeakGivenStrongTaken => {
                response = response.header("etag", format!("W/\"{}\"", inner.tag))
            }
        }
        response.body(Body::from(resource.to_string())).unwrap()
    }

    fn patch(&self, path: &str, headers: &HeaderMap, body: &Value) -> Response<Body> {
        let mut inner = self.inner.lock();
        let given = headers
            .get("if-match")
            .and_then(|value| value.to_str().ok());
        let current = format!("\"{}\"", inner.tag);
        match (self.oddities.tags, given) {
            (Tags::Changed, Some(_)) if inner.tag == 0 => {
                inner.tag = 1;
                return status(412);
            }
            (Tags::Changed | Tags::WeakGivenStrongTaken, Some(given)) if given != current => {
                return status(412);
            }
            (Tags::NeverMatch, Some(_)) => return status(412),
            (Tags::Demanded, None) => return status(428),
            _ => {}
        }
        if let Some(code) = body
            .get("Boot")
            .and_then(|boot| (self.oddities.refuses_boot)(boot))
        {
            return error(code, "The property BootSourceOverrideMode is not writable.");
        }
        match inner.resources.get_mut(path) {
            Some(resource) => merge(resource, body),
            None => return status(404),
        }
        status(204)
    }

    fn reset(&self, path: &str, body: &Value) -> Response<Body> {
        let reset = body["ResetType"].as_str().unwrap_or_default();
        if !path.ends_with("/Actions/ComputerSystem.Reset") {
            return status(404);
        }
        match (self.oddities.resets)(reset) {
            Some(state) => {
                self.inner.lock().next_power = Some((state, self.oddities.lag));
                status(204)
            }
            None => error(400, "The reset type is not supported."),
        }
    }
}

impl Inner {
    fn open_session(&mut self, body: &Value) -> Response<Body> {
        if body != &json!({"UserName": USER, "Password": PASSWORD}) {
            return status(401);
        }
        self.sessions_opened += 1;
        let (number, token) = (
            self.sessions_opened,
            format!("token-{}", self.sessions_opened),
        );
        self.tokens.push(token.clone());
        let location = format!("/redfish/v1/SessionService/Sessions/{number}");
        Response::builder()
            .status(201)
            .header("x-auth-token", token)
            .header("location", location)
            .body(Body::empty())
            .unwrap()
    }

    fn advance_power(&mut self, path: &str) {
        let Some((state, lag)) = self.next_power else {
            return;
        };
        let Some(resource) = self
            .resources
            .get_mut(path)
            .filter(|resource| resource.get("PowerState").is_some())
        else {
            return;
        };
        self.next_power = lag.checked_sub(1).map(|lag| (state, lag));
        if self.next_power.is_none() {
            resource["PowerState"] = json!(state);
        }
    }
}

impl Reply {
    fn answer(self) -> Response<Body> {
        let mut response = Response::builder().status(self.status);
        if let Some(location) = self.location {
            response = response.header("location", location);
        }
        response.body(Body::empty()).unwrap()
    }
}

fn status(code: u16) -> Response<Body> {
    let status = StatusCode::from_u16(code).unwrap();
    Response::builder()
        .status(status)
        .body(Body::empty())
        .unwrap()
}

fn challenge() -> Response<Body> {
    Response::builder()
        .status(401)
        .header("www-authenticate", "Basic realm=\"bmc\"")
        .body(Body::empty())
        .unwrap()
}

fn error(code: u16, message: &str) -> Response<Body> {
    let body = json!({"error": {"code": "Base.1.0.GeneralError", "message": "See ExtendedInfo.", "@Message.ExtendedInfo": [{"Message": message}]}});
    Response::builder()
        .status(code)
        .body(Body::from(body.to_string()))
        .unwrap()
}
