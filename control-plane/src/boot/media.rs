//! An image in a virtual drive, on its way from where it is to a BMC that was told to read it here: as it comes, by range,
//! and never whole in memory.

use super::BootPlane;
use super::image::without_secrets;
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use ferric_model::node::RelayedMedia;
use futures_util::stream::try_unfold;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, LAST_MODIFIED,
    RANGE, RETRY_AFTER,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::error::Error;
use std::time::Duration;
use tokio::time::timeout;

/// Until the server of the image answers, and from one piece of it to the next.
const SILENCE: Duration = Duration::from_secs(30);
const RETRY_S: u32 = 5;
/// What of the BMC's request, and what of the answer, is passed on.
const ASKED: [HeaderName; 2] = [RANGE, IF_RANGE];
const ANSWERED: [HeaderName; 6] = [
    ACCEPT_RANGES,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    ETAG,
    LAST_MODIFIED,
];

pub(super) async fn relay(plane: &BootPlane, media: &RelayedMedia, request: &Parts) -> Response {
    let headers = chosen(&request.headers, ASKED);
    let servers = &plane.image_servers;
    let asking = servers.fetch(request.method.clone(), &media.url, headers);
    let answer = match timeout(SILENCE, asking).await {
        Ok(Ok(Some(answer))) => answer,
        Ok(Ok(None)) => return refusal(media, StatusCode::BAD_GATEWAY, &"there is no way to it"),
        Ok(Err(error)) => {
            return refusal(media, StatusCode::BAD_GATEWAY, &error.without_url());
        }
        Err(elapsed) => return refusal(media, StatusCode::SERVICE_UNAVAILABLE, &elapsed),
    };
    match answer.status() {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {}
        status @ (StatusCode::NOT_FOUND | StatusCode::GONE) => {
            return refusal(media, StatusCode::NOT_FOUND, &status);
        }
        status => return refusal(media, StatusCode::BAD_GATEWAY, &status),
    }
    let (status, headers) = (answer.status(), chosen(answer.headers(), ANSWERED));
    let mut response = body(answer).into_response();
    *response.status_mut() = status;
    response.headers_mut().extend(headers);
    response
}

fn chosen<const N: usize>(headers: &HeaderMap, names: [HeaderName; N]) -> HeaderMap {
    let found = names.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.clone();
        Some((name, value))
    });
    found.collect()
}

/// Piece after piece, each when the BMC has taken the one before.
fn body(answer: reqwest::Response) -> Body {
    let pieces = try_unfold(answer, |mut answer| async move {
        let piece = timeout(SILENCE, answer.chunk()).await??;
        Ok::<_, Box<dyn Error + Send + Sync>>(piece.map(|piece: Bytes| (piece, answer)))
    });
    Body::from_stream(pieces)
}

/// BMCs keep what they are told to themselves: so it is logged.
fn refusal(media: &RelayedMedia, status: StatusCode, cause: &dyn std::fmt::Display) -> Response {
    let image = without_secrets(&media.url);
    tracing::warn!(image, device = media.device, %cause, "an image for a virtual drive");
    let again = [(RETRY_AFTER, HeaderValue::from(RETRY_S))];
    match status {
        StatusCode::SERVICE_UNAVAILABLE => (status, again).into_response(),
        status => status.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::played::Played;
    use crate::boot::router;
    use crate::config::{Overrides, Settings};
    use axum::Router;
    use axum::body::to_bytes;
    use axum::extract::Request;
    use axum::routing::get;
    use ferric_model::ids::NodeId;
    use ferric_model::node::Node;
    use ferric_store::{RedbStore, Store, Transaction};
    use http::Method;
    use std::sync::Arc;
    use tower::ServiceExt;
    use uuid::Uuid;

    /// Straight to this machine, whatever proxies the environment names.
    fn client() -> reqwest::Client {
        reqwest::Client::builder().no_proxy().build().unwrap()
    }

    /// A server of one image of ten bytes, which knows the one range that is asked for here.
    async fn image(request: Request) -> Response {
        match request.headers().get(RANGE) {
            None => "0123456789".into_response(),
            Some(_) => {
                let headers = [(CONTENT_RANGE, "bytes 3-5/10"), (ETAG, "\"e\"")];
                (StatusCode::PARTIAL_CONTENT, headers, "345").into_response()
            }
        }
    }

    async fn ask(router: &Router, method: Method, path: &str, range: bool) -> Response {
        let mut request = Request::builder().method(method).uri(path);
        if range {
            request = request.header(RANGE, "bytes=3-5");
        }
        let request = request.body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    }

    async fn text(response: Response) -> String {
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn whoever_was_told_the_key_reads_the_image_and_nobody_else() {
        let server = Played::start(Router::new().route("/a.iso", get(image))).await;
        let folder = tempfile::tempdir().unwrap();
        let overrides = Overrides {
            state_dir: Some(folder.path().to_owned()),
            ..Overrides::default()
        };
        let settings = Settings::load(None, overrides).unwrap();
        let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().unwrap());
        let id = NodeId(Uuid::new_v4());
        let mut node = Node::new(id, "redfish", jiff::Timestamp::UNIX_EPOCH);
        let media = |name: &str| RelayedMedia {
            key: Uuid::new_v4(),
            device: "cdrom".to_owned(),
            url: format!("{}/{name}", server.url),
        };
        node.relayed_media = vec![media("a.iso"), media("b.iso")];
        let paths = node.relayed_media.iter().map(|media| media.address("", id));
        let [there, missing]: [String; 2] = paths.collect::<Vec<_>>().try_into().unwrap();
        store.commit(Transaction::new().put(&node)).await.unwrap();
        let plane = BootPlane::new(Arc::new(settings), store, client());
        let router = router(plane, Arc::new(|_, _| ()));

        let whole = ask(&router, Method::GET, &there, false).await;
        assert_eq!(whole.status(), StatusCode::OK);
        assert_eq!(whole.headers()[CONTENT_LENGTH], "10");
        assert_eq!(text(whole).await, "0123456789");
        let part = ask(&router, Method::GET, &there, true).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.headers()[CONTENT_RANGE], "bytes 3-5/10");
        assert_eq!(part.headers()[ETAG], "\"e\"");
        assert_eq!(text(part).await, "345");
        let head = ask(&router, Method::HEAD, &there, false).await;
        assert_eq!(head.status(), StatusCode::OK);
        assert_eq!(head.headers()[CONTENT_LENGTH], "10");
        assert_eq!(text(head).await, "");
        let other_key = there.replace(&node.relayed_media[0].key.to_string(), &id.to_string());
        let other_name = there.replace("a.iso", "b.iso");
        for path in [&missing, &other_key, &other_name] {
            let answer = ask(&router, Method::GET, path, false).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_told_of_as_such() {
        let media = RelayedMedia {
            key: Uuid::nil(),
            device: "cdrom".to_owned(),
            // Nobody listens on it.
            url: "http://127.0.0.1:1/a.iso".to_owned(),
        };
        crate::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let overrides = Overrides {
            state_dir: Some(folder.path().to_owned()),
            ..Overrides::default()
        };
        let settings = Settings::load(None, overrides).unwrap();
        let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().unwrap());
        let plane = BootPlane::new(Arc::new(settings), store, client());
        let request = Request::get("/").body(Body::empty()).unwrap();
        let answer = relay(&plane, &media, &request.into_parts().0).await;
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    }
}
