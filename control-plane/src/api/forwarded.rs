//! What a proxy in front tells of the request that it was sent: `Forwarded` (RFC 7239), else `X-Forwarded-*`, as
//! oslo.middleware's `http_proxy_to_wsgi` reads them. Anybody can send them, so they are read where
//! `api.enable_proxy_headers_parsing` says that there is a proxy, and nowhere else.

use http::{HeaderMap, HeaderName, header};

const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// What of it links are made of. What is not told, or makes no sense, is as the connection has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Forwarded {
    scheme: Option<String>,
    host: Option<String>,
    /// Of a host that names none.
    port: Option<u16>,
    /// What the proxy has taken off the path: with a slash before it and none behind.
    prefix: String,
}

impl Forwarded {
    /// Of several proxies the first one counts, which is the one that the client has asked.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| {
            let value = headers.get(name).and_then(|value| value.to_str().ok());
            let first = value.and_then(|value| outside_quotes(value, ',').next());
            first.map(str::trim).filter(|first| !first.is_empty())
        };
        let (scheme, host, port) = match text(header::FORWARDED) {
            Some(element) => (pair(element, "proto"), pair(element, "host"), None),
            None => (text(PROTO), text(HOST), text(PORT)),
        };
        let prefix = text(PREFIX).map(|prefix| prefix.trim_end_matches('/'));
        Self {
            scheme: scheme
                .map(str::to_ascii_lowercase)
                .filter(|scheme| matches!(scheme.as_str(), "http" | "https")),
            host: host.map(str::to_owned),
            port: port.and_then(|port| port.parse().ok()),
            prefix: prefix
                .filter(|prefix| prefix.starts_with('/'))
                .unwrap_or_default()
                .to_owned(),
        }
    }

    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The URL that the client has used, without a path of ours: `scheme` and `host` are those of the connection.
    pub(super) fn url(&self, scheme: &str, host: &str) -> String {
        let scheme = self.scheme.as_deref().unwrap_or(scheme);
        let implied = if scheme == "https" { 443 } else { 80 };
        let host = self.host.as_deref().unwrap_or(host);
        let (name, named) = match host.rsplit_once(':') {
            // The colons of an IPv6 address end with its bracket.
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, None),
        };
        match named.or(self.port) {
            Some(port) if port != implied => format!("{scheme}://{name}:{port}{}", self.prefix),
            _ => format!("{scheme}://{name}{}", self.prefix),
        }
    }
}

/// The value of a pair in an element of `Forwarded`.
fn pair<'h>(element: &'h str, key: &str) -> Option<&'h str> {
    let mut pairs = outside_quotes(element, ';').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case(key))?;
    let value = value.trim().trim_matches('"');
    Some(value).filter(|value| !value.is_empty())
}

/// The parts of a text between marks, of which those within quotes are none.
fn outside_quotes(text: &str, mark: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |found: char| {
        quoted ^= found == '"';
        found == mark && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::tests::fixture::{Server, send};
    use crate::api::{Gate, operator_router};
    use crate::auth::Authenticator;
    use crate::config::auth::Rbac;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use serde_json::Value;
    use tower::ServiceExt;

    fn headers(given: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = given.iter();
        let pairs =
            pairs.map(|&(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        HeaderMap::from_iter(pairs)
    }

    #[test]
    fn urls_of_clients() {
        let check = |given: &[(&'static str, &str)], expected: &str| {
            let forwarded = Forwarded::read(&headers(given));
            let url = forwarded.url("http", "10.0.0.1:6385");
            assert_eq!(url, expected, "{given:?}");
        };
        let (proto, host) = ("x-forwarded-proto", "x-forwarded-host");
        check(&[], "http://10.0.0.1:6385");
        check(&[(proto, "https")], "https://10.0.0.1:6385");
        check(&[(proto, "HTTPS"), (host, "a")], "https://a");
        check(&[(proto, "gopher"), (host, "a")], "http://a");
        check(&[(host, "a:8443"), (proto, "https")], "https://a:8443");
        check(&[(host, "a:443"), (proto, "https")], "https://a");
        check(&[(host, "a, b"), (proto, "https,http")], "https://a");
        check(&[(host, "[2001:db8::1]")], "http://[2001:db8::1]");
        check(&[(host, "[2001:db8::1]:80")], "http://[2001:db8::1]");
        check(&[(host, "")], "http://10.0.0.1:6385");
        let port = "x-forwarded-port";
        check(&[(host, "a"), (port, "8080")], "http://a:8080");
        check(&[(host, "a"), (port, "80")], "http://a");
        check(&[(host, "a:1"), (port, "8080")], "http://a:1");
        check(&[(host, "a"), (port, "x")], "http://a");
        check(&[(port, "8080")], "http://10.0.0.1:6385");
        let prefix = "x-forwarded-prefix";
        check(&[(host, "a"), (prefix, "/metal/")], "http://a/metal");
        check(&[(host, "a"), (prefix, "metal")], "http://a");
    }

    #[test]
    fn the_standard_header_is_the_only_one_where_it_is_there() {
        let check = |forwarded: &str, expected: &str| {
            let given = [
                ("forwarded", forwarded),
                ("x-forwarded-host", "old"),
                ("x-forwarded-prefix", "/metal"),
            ];
            let url = Forwarded::read(&headers(&given)).url("http", "b");
            assert_eq!(url, expected, "{forwarded}");
        };
        check("host=a;proto=https", "https://a/metal");
        check(
            "for=192.0.2.1; Host=a ;Proto=https, host=c",
            "https://a/metal",
        );
        check("host=\"a:8443\";proto=https", "https://a:8443/metal");
        check("for=\"a,b;host=x\";host=c", "http://c/metal");
        check("for=192.0.2.1", "http://b/metal");
        check("host=", "http://b/metal");
    }

    #[tokio::test]
    async fn a_proxy_is_believed_only_where_there_is_one() {
        for (is_there, expected) in [
            (false, "http://internal:6385/v1/"),
            (true, "https://metal.example.org/bare/v1/"),
        ] {
            let server =
                Server::start_with(|settings| settings.parse_proxy_headers = is_there).await;
            let gate = Gate::new(Authenticator::nobody(), Rbac::default());
            let (conductor, stop) = (server.conductor.clone(), server.stop.clone());
            let router = operator_router(conductor, None, stop, gate);
            let request = Request::get("/v1")
                .header("Host", "internal:6385")
                .header("X-Forwarded-Proto", "https")
                .header("X-Forwarded-Host", "metal.example.org")
                .header("X-Forwarded-Prefix", "/bare");
            let request = request.body(Body::empty()).unwrap();
            let answer = router.oneshot(request).await.unwrap();
            let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["links"][0]["href"], expected);
            // What is said with each request comes before a public URL.
            let public = send(&server.operator, "latest", http::Method::GET, "/v1", "").await;
            let expected = if is_there { "localhost" } else { "api" };
            let expected = format!("http://{expected}/v1/");
            assert_eq!(public.body["links"][0]["href"], expected);
        }
    }
}
