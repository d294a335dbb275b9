//! An image in a virtual drive, on its way from where it is to a BMC that was told to read it here: as it comes, by range,
//! and never whole in memory.

use super::BootPlane;
use super::image::{refuses_head, without_secrets};
use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use ferric_model::node::RelayedMedia;
use futures_util::stream::try_unfold;
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, LAST_MODIFIED,
    RANGE, RETRY_AFTER,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
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
    let mut asked = ask(plane, media, request.method.clone(), headers.clone()).await;
    let is_refused = |answer: &reqwest::Response| refuses_head(answer.status());
    if request.method == Method::HEAD && asked.as_ref().is_ok_and(is_refused) {
        // Only its headers are looked at.
        asked = ask(plane, media, Method::GET, headers).await;
    }
    let answer = match asked {
        Ok(answer) => answer,
        Err((status, cause)) => return refusal(media, status, &cause),
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

/// What the server of the image answers; else what the BMC is told, and why.
async fn ask(
    plane: &BootPlane,
    media: &RelayedMedia,
    method: Method,
    headers: HeaderMap,
) -> Result<reqwest::Response, (StatusCode, String)> {
    let asking = plane.image_servers.fetch(method, &media.url, headers);
    match timeout(SILENCE, asking).await {
        Ok(Ok(Some(answer))) => Ok(answer),
        Ok(Ok(None)) => Err((StatusCode::BAD_GATEWAY, "there is no way to it".to_owned())),
        Ok(Err(error)) => {
            let cause = error.without_url().to_string();
            Err((StatusCode::BAD_GATEWAY, cause))
        }
        Err(elapsed) => Err((StatusCode::SERVICE_UNAVAILABLE, elapsed.to_string())),
    }
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
        let piece = timeout(SILENCE, answer.chunk()).await?;
        // The URL may have a signature in its query.
        let piece = piece.map_err(reqwest::Error::without_url)?;
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
    use axum::routing::{any, get};
    use ferric_model::ids::NodeId;
    use ferric_model::node::Node;
    use ferric_store::{RedbStore, Store, Transaction};
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

    /// As of a URL that was signed for GET.
    async fn signed(request: Request) -> Response {
        if request.method() == Method::GET {
            return "0123456789".into_response();
        }
        StatusCode::FORBIDDEN.into_response()
    }

    async fn told(router: &Router, method: Method, path: &str, range: bool) -> Response {
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
        let images = Router::new().route("/a.iso", get(image));
        let server = Played::start(images.route("/signed.iso", any(signed))).await;
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
            was_put_in: false,
        };
        node.relayed_media = vec![media("a.iso"), media("b.iso"), media("signed.iso")];
        let paths = node.relayed_media.iter().map(|media| media.address("", id));
        let [there, missing, signed]: [String; 3] = paths.collect::<Vec<_>>().try_into().unwrap();
        store.commit(Transaction::new().put(&node)).await.unwrap();
        let plane = BootPlane::new(Arc::new(settings), store, client());
        let router = router(plane, Arc::new(|_, _| ()));

        let whole = told(&router, Method::GET, &there, false).await;
        assert_eq!(whole.status(), StatusCode::OK);
        assert_eq!(whole.headers()[CONTENT_LENGTH], "10");
        assert_eq!(text(whole).await, "0123456789");
        let part = told(&router, Method::GET, &there, true).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.headers()[CONTENT_RANGE], "bytes 3-5/10");
        assert_eq!(part.headers()[ETAG], "\"e\"");
        assert_eq!(text(part).await, "345");
        for path in [&there, &signed] {
            let head = told(&router, Method::HEAD, path, false).await;
            assert_eq!(head.status(), StatusCode::OK, "{path}");
            assert_eq!(head.headers()[CONTENT_LENGTH], "10");
            assert_eq!(text(head).await, "");
        }
        let other_key = there.replace(&node.relayed_media[0].key.to_string(), &id.to_string());
        let other_name = there.replace("a.iso", "b.iso");
        for path in [&missing, &other_key, &other_name] {
            let answer = told(&router, Method::GET, path, false).await;
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
            was_put_in: false,
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
