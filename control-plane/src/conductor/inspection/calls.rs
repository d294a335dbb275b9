//! HTTP calls that inspection rules ask for: made when all rules have passed, and before anything is stored.

use ferric_model::inspection_rule::Call;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use reqwest::{Client, Proxy};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// For all calls of one inspection: the node is held meanwhile, and its ramdisk waits for the answer, which must come
/// before the ramdisk is told to ask again.
const LIMIT: Duration = Duration::from_secs(20);
/// The longest pause between two attempts.
const LONGEST_PAUSE_S: f64 = 30.0;

/// Makes them one after the other, up to the first that fails.
pub(super) async fn make(calls: &[Call]) -> Result<(), String> {
    if calls.is_empty() {
        return Ok(());
    }
    let all = async {
        for call in calls {
            get(call).await.map_err(|problem| {
                let told = if call.sensitive {
                    "; the rule is sensitive, so no more is said".to_owned()
                } else {
                    format!(" of {}: {problem}", call.url)
                };
                format!("inspection rule {} failed at its call{told}", call.rule)
            })?;
        }
        Ok(())
    };
    let late = |_elapsed| {
        let limit_s = LIMIT.as_secs();
        Err(format!(
            "the calls of the inspection rules took longer than {limit_s} s together"
        ))
    };
    timeout(LIMIT, all).await.unwrap_or_else(late)
}

async fn get(call: &Call) -> Result<(), String> {
    let client = client(call)?;
    let mut pause_s = call.backoff_s;
    let mut left = call.retries;
    loop {
        let problem = match client.get(&call.url).send().await {
            Ok(answer)
                if !answer.status().is_client_error() && !answer.status().is_server_error() =>
            {
                return Ok(());
            }
            Ok(answer) if !is_passing(answer.status()) => {
                return Err(format!("the answer was {}", answer.status()));
            }
            Ok(answer) => format!("the answer was {}", answer.status()),
            Err(error) if error.is_builder() => return Err(told(&error)),
            Err(error) => told(&error),
        };
        if left == 0 {
            return Err(problem);
        }
        left -= 1;
        sleep(Duration::from_secs_f64(pause_s.clamp(0.0, LONGEST_PAUSE_S))).await;
        pause_s *= 2.0;
    }
}

/// The innermost cause: the URL stands beside it already.
fn told(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// The same that Ironic tries again after.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 500 | 502 | 503 | 504)
}

fn client(call: &Call) -> Result<Client, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &call.headers {
        let name: HeaderName = name
            .parse()
            .map_err(|_| format!("{name:?} is not the name of a header"))?;
        let value = HeaderValue::from_str(value)
            .map_err(|_| format!("the header {name} has a value that cannot be sent"))?;
        headers.insert(name, value);
    }
    let mut builder = Client::builder()
        .timeout(Duration::from_secs_f64(call.timeout_s))
        .default_headers(headers);
    for (scheme, url) in &call.proxies {
        let proxy = match scheme.as_str() {
            "http" => Proxy::http(url),
            "https" => Proxy::https(url),
            _ => {
                return Err(format!(
                    "{scheme} is not a scheme of a proxy: use http or https"
                ));
            }
        };
        builder = builder.proxy(proxy.map_err(|error| told(&error))?);
    }
    builder.build().map_err(|error| told(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get as route;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    fn call(url: String) -> Call {
        Call {
            rule: "r".to_owned(),
            sensitive: false,
            url,
            headers: vec![("X-Key".to_owned(), "k".to_owned())],
            proxies: Vec::new(),
            timeout_s: 20.0,
            retries: 2,
            backoff_s: 0.01,
        }
    }

    #[tokio::test]
    async fn calls_are_made_and_tried_again() {
        crate::tls::install_provider();
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = seen.clone();
        let flaky = move |headers: HeaderMap| async move {
            assert_eq!(headers["x-key"], "k");
            match counter.fetch_add(1, Ordering::SeqCst) {
                0 => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::OK,
            }
        };
        let router = Router::new()
            .route("/flaky", route(flaky))
            .route("/no", route(|| async { StatusCode::FORBIDDEN }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        make(&[call(format!("{base}/flaky"))]).await.unwrap();
        assert_eq!(seen.load(Ordering::SeqCst), 2);
        let mut refused = call(format!("{base}/no"));
        let problem = make(std::slice::from_ref(&refused)).await.unwrap_err();
        assert!(
            problem.contains("rule r") && problem.contains("403"),
            "{problem}"
        );
        refused.sensitive = true;
        let problem = make(&[refused]).await.unwrap_err();
        assert!(
            problem.contains("rule r") && !problem.contains(&base),
            "{problem}"
        );
        let problem = make(&[call("no URL".to_owned())]).await.unwrap_err();
        assert!(problem.contains("no URL"), "{problem}");
        let mut wrong = call(format!("{base}/flaky"));
        wrong.headers = vec![("a b".to_owned(), "c".to_owned())];
        let problem = make(&[wrong]).await.unwrap_err();
        assert!(problem.contains("name of a header"), "{problem}");
    }
}
