//! HTTP to the conductor: several addresses of which the one that answers comes first, bounded answers, versions.

use std::time::Duration;

use ferric_agent_protocol::fault::Fault;
use ferric_agent_protocol::headers;
use ferric_agent_protocol::version::ApiVersion;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use crate::config::ApiSettings;
use crate::tls::{self, TlsError};

/// A lookup holds a node and some settings; nothing that the conductor answers is larger.
const MAX_ANSWER_BYTES: usize = 16 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For all of an exchange whose answer may be long in coming, and large.
const LONG_EXCHANGE: Duration = Duration::from_secs(600);

/// The conductor, as one of several addresses reaches it.
pub struct Conductor {
    client: reqwest::Client,
    urls: Mutex<Vec<String>>,
    version: Mutex<Option<ApiVersion>>,
    request_id: Option<HeaderValue>,
}

/// Why a request had no answer that could be used.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error(transparent)]
    Tls(TlsError),
    #[error("setting up the HTTP client")]
    Setup(#[source] reqwest::Error),
    #[error("the global request id cannot be sent as a header")]
    RequestId(#[source] http::header::InvalidHeaderValue),
    #[error("{0} did not answer")]
    Unreachable(String, #[source] reqwest::Error),
    #[error("{0} did not answer within {1:?}")]
    Silent(String, Duration),
    #[error("{0} broke off its answer")]
    Broken(String, #[source] reqwest::Error),
    #[error("{0} answered more than {1} bytes")]
    TooLarge(String, usize),
    #[error("{0} is not ready: {1}")]
    NotReady(String, String),
    #[error("understanding the answer of {0}")]
    Parse(String, #[source] serde_json::Error),
}

/// What to ask.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Value>,
    /// How long the answer may take to begin, where the usual time for all of it is not meant.
    hold: Option<Duration>,
    answer_limit_bytes: usize,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) url: String,
    pub(super) status: u16,
    body: Vec<u8>,
}

impl Conductor {
    /// A client for the API's addresses.
    ///
    /// # Errors
    /// When a certificate cannot be used.
    pub fn new(settings: &ApiSettings) -> Result<Self, ClientError> {
        Self::with_urls(settings, settings.urls.clone())
    }

    /// A client with the same settings for other addresses.
    pub(super) fn with_urls(
        settings: &ApiSettings,
        urls: Vec<String>,
    ) -> Result<Self, ClientError> {
        let request_id = settings
            .global_request_id
            .as_deref()
            .map(HeaderValue::from_str);
        Ok(Self {
            client: client(settings)?,
            urls: Mutex::new(urls),
            version: Mutex::new(settings.version),
            request_id: request_id.transpose().map_err(ClientError::RequestId)?,
        })
    }

    /// The addresses, the one that answered last first.
    pub fn urls(&self) -> Vec<String> {
        self.urls.lock().clone()
    }

    /// The server's version. One that answers without saying it is assumed to be old, and asked again next time.
    ///
    /// # Errors
    /// When there is no server that could say anything about itself.
    pub async fn version(&self) -> Result<ApiVersion, ClientError> {
        if let Some(version) = *self.version.lock() {
            return Ok(version);
        }
        let answer = self.send(&Request::new(Method::GET, "/")).await?;
        if answer.status >= 500 {
            let reason = answer.reason();
            return Err(ClientError::NotReady(answer.url, reason));
        }
        let Some(version) = stated_version(&answer) else {
            return Ok(ApiVersion::ASSUMED);
        };
        *self.version.lock() = Some(version);
        Ok(version)
    }

    /// Asks the addresses in turn; an error of the connection moves on to the next.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer, ClientError> {
        let mut last = None;
        for url in self.urls() {
            match self.send_to(&url, request).await {
                Ok(answer) => {
                    self.prefer(&url);
                    return Ok(answer);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("settings without an address of the API are refused"))
    }

    async fn send_to(&self, url: &str, request: &Request) -> Result<Answer, ClientError> {
        let target = format!("{url}{}", request.path);
        let mut builder = self.client.request(request.method.clone(), target);
        builder = builder.headers(request.headers.clone());
        if let Some(id) = &self.request_id {
            builder = builder.header(headers::REQUEST_ID, id.clone());
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let sent = match request.hold {
            None => builder.send().await,
            Some(hold) => timeout(hold, builder.timeout(LONG_EXCHANGE).send())
                .await
                .map_err(|_| ClientError::Silent(url.to_owned(), hold))?,
        };
        let response =
            sent.map_err(|error| ClientError::Unreachable(url.to_owned(), error.without_url()))?;
        read(url, response, request.answer_limit_bytes).await
    }

    fn prefer(&self, url: &str) {
        let mut urls = self.urls.lock();
        if let Some(index) = urls.iter().position(|known| known == url) {
            urls[..=index].rotate_right(1);
        }
    }
}

fn stated_version(answer: &Answer) -> Option<ApiVersion> {
    let root: Value = answer.json().ok()?;
    let version = root.pointer("/default_version/version")?;
    version.as_str()?.parse().ok()
}

impl ClientError {
    /// The innermost cause as text: `Connection refused`.
    pub(super) fn root_cause(&self) -> String {
        let mut cause: &dyn std::error::Error = self;
        while let Some(source) = cause.source() {
            cause = source;
        }
        cause.to_string()
    }
}

impl Request {
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        let mut headers = HeaderMap::new();
        let json = HeaderValue::from_static("application/json");
        headers.insert(http::header::ACCEPT, json.clone());
        headers.insert(http::header::CONTENT_TYPE, json);
        Self {
            method,
            path: path.into(),
            headers,
            body: None,
            hold: None,
            answer_limit_bytes: MAX_ANSWER_BYTES,
        }
    }

    /// The answer may take so long to begin, and may have so many bytes.
    pub(super) fn held(self, hold: Duration, answer_limit_bytes: usize) -> Self {
        Self {
            hold: Some(hold),
            answer_limit_bytes,
            ..self
        }
    }

    /// Adds a header that shows itself nowhere.
    pub(super) fn secret(mut self, name: &'static str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(mut value)) = (name, HeaderValue::from_str(value)) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds a header; a value that no header may have is left out.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(super) fn version(self, version: ApiVersion) -> Self {
        self.header(headers::API_VERSION, &version.to_string())
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

impl Answer {
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| ClientError::Parse(self.url.clone(), error))
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// What the server said went wrong: a fault, Ironic's fault as text within JSON, or the status alone.
    pub(super) fn reason(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let inner = match &body["error_message"] {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            other => other.clone(),
        };
        let fault = |value: Value| serde_json::from_value::<Fault>(value).ok();
        let said = [inner, body]
            .into_iter()
            .filter_map(fault)
            .map(|fault| fault.faultstring)
            .find(|text| !text.is_empty());
        match said {
            Some(text) => format!("{}: {text}", self.status),
            None => format!("status {}", self.status),
        }
    }
}

async fn read(
    url: &str,
    mut response: reqwest::Response,
    limit_bytes: usize,
) -> Result<Answer, ClientError> {
    let mut body = Vec::new();
    let status = response.status().as_u16();
    let broken = |error: reqwest::Error| ClientError::Broken(url.to_owned(), error.without_url());
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > limit_bytes {
            return Err(ClientError::TooLarge(url.to_owned(), limit_bytes));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        url: url.to_owned(),
        status,
        body,
    })
}

fn client(settings: &ApiSettings) -> Result<reqwest::Client, ClientError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls::client_config(settings).map_err(ClientError::Tls)?)
        .timeout(settings.request_timeout)
        .connect_timeout(CONNECT_TIMEOUT.min(settings.request_timeout))
        .pool_max_idle_per_host(2)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(ClientError::Setup)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::get;
    use serde_json::json;

    use super::*;

    fn settings(urls: &[&str]) -> ApiSettings {
        ApiSettings {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            request_timeout: Duration::from_secs(1),
            global_request_id: None,
            version: None,
            insecure: false,
            ca_file: None,
            cert_file: None,
            key_file: None,
            tls_min_version: "1.2".to_owned(),
        }
    }

    async fn version_when_answered(status: u16, body: &'static str) -> Result<String, ClientError> {
        tls::install_provider();
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let status = http::StatusCode::from_u16(status).unwrap();
        let router = Router::new().route("/", get(move || async move { (status, body) }));
        let mut server = tokio::task::JoinSet::new();
        server.spawn(async move { axum::serve(socket, router).await });
        let conductor = Conductor::new(&settings(&[&url])).unwrap();
        let version = conductor.version().await;
        version.map(|version| version.to_string())
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_not_an_old_one() {
        let stated = r#"{"default_version": {"version": "1.109"}}"#;
        assert_eq!(version_when_answered(200, stated).await.unwrap(), "1.109");
        assert_eq!(version_when_answered(200, "{}").await.unwrap(), "1.31");
        assert_eq!(version_when_answered(404, "no").await.unwrap(), "1.31");
        assert!(version_when_answered(503, "wait").await.is_err());
        let nobody = Conductor::new(&settings(&["http://127.0.0.1:1"])).unwrap();
        assert!(nobody.version().await.is_err());
    }

    fn check_reason(status: u16, body: &Value, expected: &str) {
        let answer = Answer {
            url: String::new(),
            status,
            body: serde_json::to_vec(body).unwrap(),
        };
        assert_eq!(answer.reason(), expected);
    }

    #[test]
    fn faults_are_understood_in_every_form() {
        let fault = json!({"faultcode": "Client", "faultstring": "Node not found."});
        check_reason(404, &fault, "404: Node not found.");
        check_reason(
            404,
            &json!({"error_message": fault}),
            "404: Node not found.",
        );
        check_reason(
            404,
            &json!({"error_message": fault.to_string()}),
            "404: Node not found.",
        );
        check_reason(502, &json!("<html>"), "status 502");
    }

    #[test]
    fn the_address_that_answered_comes_first() {
        let conductor = Conductor::new(&settings(&["a", "b", "c"])).unwrap();
        conductor.prefer("c");
        assert_eq!(conductor.urls(), ["c", "a", "b"]);
        conductor.prefer("c");
        assert_eq!(conductor.urls(), ["c", "a", "b"]);
    }
}
