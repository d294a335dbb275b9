//! Web pages that send requests with their visitor's browser: what changes something is refused where a browser says
//! that a page of somebody else's sent it. Programs say nothing of the kind.
//!
//! It matters most where nobody is asked who they are, as on a loopback address: a browser reaches that, too.

use super::call::Api;
use super::error::ApiError;
use super::forwarded::Forwarded;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, Method, header};
use std::net::IpAddr;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whose pages may send requests.
struct Own<'a> {
    /// The URL under which browsers reach us, where it is set.
    public_url: Option<&'a str>,
    /// Whether a name that anybody may have given to this machine's own address is taken for ours.
    trusts_names: bool,
}

pub(super) async fn refuse_foreign(
    State(api): State<Api>,
    request: Request,
    next: Next,
) -> Response {
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE
    );
    let settings = api.conductor.settings();
    let own = Own {
        public_url: settings.public_url.as_deref(),
        trusts_names: !(settings.auth.is_open() && settings.listen.ip().is_loopback()),
    };
    let forwarded = api.forwarded(request.headers());
    let host = forwarded.as_ref().and_then(Forwarded::host);
    if changes && own.is_foreign(request.headers(), host) {
        let text = "a web page of another origin may not send this: Origin or Sec-Fetch-Site says that one did";
        return ApiError::forbidden(text).into_response();
    }
    next.run(request).await
}

impl Own<'_> {
    /// `forwarded` is the host that a proxy says the client has asked.
    fn is_foreign(&self, headers: &HeaderMap, forwarded: Option<&str>) -> bool {
        let site = headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes());
        if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
            return true;
        }
        match headers.get(header::ORIGIN) {
            None => false,
            Some(origin) => {
                let origin = origin.to_str().ok().and_then(authority);
                let host = headers.get(header::HOST);
                let host = forwarded.or(host.and_then(|host| host.to_str().ok()));
                !origin.is_some_and(|origin| self.has(&origin, host))
            }
        }
    }

    fn has(&self, origin: &str, host: Option<&str>) -> bool {
        let public = self.public_url.and_then(authority);
        if public.is_some_and(|public| public == origin) {
            return true;
        }
        // A proxy in front may speak TLS where we do not.
        let schemes = ["http", "https"];
        let mut hosts = schemes
            .iter()
            .filter_map(|scheme| authority(&format!("{scheme}://{}", host?)));
        hosts.any(|host| host == origin) && (self.trusts_names || is_local(origin))
    }
}

/// `host` or `host:port` of a URL, without a port that its scheme implies; `None` for `null` and the like.
fn authority(url: &str) -> Option<String> {
    let url = url::Url::parse(url).ok()?;
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// Whether no name server had a say in it.
fn is_local(authority: &str) -> bool {
    let url = url::Url::parse(&format!("http://{authority}"));
    url.is_ok_and(|url| match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(url::Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::tests::fixture::Server;
    use axum::body::Body;
    use tower::ServiceExt;

    #[test]
    fn pages_of_our_own_are_told_from_those_of_others() {
        const ANY: Own<'_> = Own {
            public_url: None,
            trusts_names: true,
        };
        const LOOPBACK: Own<'_> = Own {
            public_url: Some("https://ferric.example.org/"),
            trusts_names: false,
        };
        let check = |own: &Own<'_>, given: &[(HeaderName, &str)], expected: bool| {
            let pairs = given.iter();
            let pairs = pairs.map(|(name, value)| (name.clone(), value.parse().unwrap()));
            let headers = HeaderMap::from_iter(pairs);
            assert_eq!(own.is_foreign(&headers, None), expected, "{given:?}");
        };
        let site = |site| (SEC_FETCH_SITE, site);
        let origin = |origin| (header::ORIGIN, origin);
        let host = |host| (header::HOST, host);
        for own in [ANY, LOOPBACK] {
            check(&own, &[], false);
            check(&own, &[host("127.0.0.1:6385")], false);
            check(&own, &[site("none")], false);
            check(&own, &[site("cross-site")], true);
            check(&own, &[site("same-site")], true);
            check(&own, &[origin("null"), host("localhost")], true);
            check(&own, &[origin("http://a"), host("b")], true);
            check(&own, &[origin("http://a")], true);
            for (page, ours, expected) in [
                ("http://localhost:6385", "localhost:6385", false),
                ("http://LOCALHOST:6385", "localhost:6385", false),
                ("http://[::1]:6385", "[::1]:6385", false),
                ("http://localhost:3000", "localhost:6385", true),
                ("http://127.0.0.1", "127.0.0.1:80", false),
                ("https://127.0.0.1", "127.0.0.1", false),
            ] {
                check(&own, &[origin(page), host(ours)], expected);
            }
        }
        let named = [origin("http://evil.example"), host("evil.example")];
        check(&ANY, &named, false);
        check(&LOOPBACK, &named, true);
        let proxied = [origin("https://ferric.example.org"), host("127.0.0.1:6385")];
        check(&ANY, &proxied, true);
        check(&LOOPBACK, &proxied, false);
        let headers = HeaderMap::from_iter([(header::ORIGIN, "https://a".parse().unwrap())]);
        assert!(ANY.is_foreign(&headers, None));
        assert!(!ANY.is_foreign(&headers, Some("a")));
        assert!(ANY.is_foreign(&headers, Some("b")));
        assert!(LOOPBACK.is_foreign(&headers, Some("a")));
    }

    #[tokio::test]
    async fn a_foreign_page_changes_nothing_on_either_listener() {
        let server = Server::start().await;
        for (router, path) in [
            (&server.operator, "/v1/nodes"),
            (&server.machine, "/v1/continue_inspection"),
        ] {
            let request = Request::post(path)
                .header(header::ORIGIN, "http://evil.example")
                .body(Body::from(r#"{"driver": "fake-hardware"}"#));
            let refused = router.clone().oneshot(request.unwrap()).await.unwrap();
            assert_eq!(refused.status(), 403, "{path}");
        }
        let nodes = server.get("/v1/nodes").await.body;
        assert_eq!(nodes["nodes"], serde_json::json!([]));
    }
}
