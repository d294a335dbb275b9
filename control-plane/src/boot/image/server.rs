//! What a web server says of an image, before any machine is told to fetch it.

use super::{Digest, ImageLocation};
use crate::boot::BootError;
use crate::proxy::Clients;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderValue, RANGE,
};
use reqwest::{Method, Response, StatusCode, Url};
use std::time::Duration;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What a web server answers when it is asked for an image.
#[derive(Clone, Copy, Debug)]
pub struct ImageHead {
    pub status: StatusCode,
    /// Of the whole file, when it says so.
    pub size_bytes: Option<u64>,
}

/// The way to web servers, so that a simulation can have some without a network (design D13).
#[async_trait]
pub trait ImageServers: Send + Sync {
    /// Asks for an image without fetching it.
    async fn head(
        &self,
        url: &str,
        authorization: Option<&HeaderValue>,
    ) -> reqwest::Result<ImageHead>;

    /// The first bytes of an image, fewer where it has no more; `None` where there is no way to them.
    async fn beginning(
        &self,
        _url: &str,
        _authorization: Option<&HeaderValue>,
        _bytes: usize,
    ) -> reqwest::Result<Option<Vec<u8>>> {
        Ok(None)
    }

    /// Asks for an image with these headers, and answers as soon as the server does; `None` where there is no way to it.
    async fn fetch(
        &self,
        _method: Method,
        _url: &str,
        _headers: HeaderMap,
    ) -> reqwest::Result<Option<Response>> {
        Ok(None)
    }
}

#[async_trait]
impl ImageServers for Clients {
    async fn fetch(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
    ) -> reqwest::Result<Option<Response>> {
        let request = self.for_url(url).request(method, url);
        request.headers(headers).send().await.map(Some)
    }

    async fn head(
        &self,
        url: &str,
        authorization: Option<&HeaderValue>,
    ) -> reqwest::Result<ImageHead> {
        let answer = ask(self.for_url(url), url, authorization).await?;
        Ok(ImageHead {
            status: answer.status(),
            size_bytes: size(&answer),
        })
    }

    async fn beginning(
        &self,
        url: &str,
        authorization: Option<&HeaderValue>,
        bytes: usize,
    ) -> reqwest::Result<Option<Vec<u8>>> {
        let last = bytes.saturating_sub(1);
        let request = self.for_url(url).get(url);
        let request = request.header(RANGE, format!("bytes=0-{last}"));
        let request = with(request, authorization).timeout(REQUEST_TIMEOUT);
        let mut answer = request.send().await?;
        if !answer.status().is_success() {
            return Ok(None);
        }
        // A server without ranges sends all of it; the rest is not read.
        let mut read = Vec::with_capacity(bytes);
        while read.len() < bytes
            && let Some(chunk) = answer.chunk().await?
        {
            read.extend(chunk.iter().take(bytes - read.len()));
        }
        Ok(Some(read))
    }
}

fn with(
    request: reqwest::RequestBuilder,
    authorization: Option<&HeaderValue>,
) -> reqwest::RequestBuilder {
    match authorization {
        Some(value) => request.header(AUTHORIZATION, value.clone()),
        None => request,
    }
}

/// As [`ImageServers::beginning`], for an image that was looked at already.
pub(super) async fn beginning(
    servers: &dyn ImageServers,
    url: &str,
    authorization: Option<&str>,
    bytes: usize,
) -> Result<Option<Vec<u8>>, BootError> {
    let authorization = authorization.and_then(header);
    let read = servers.beginning(url, authorization.as_ref(), bytes).await;
    read.map_err(|source| BootError::ImageRequest {
        image: without_secrets(url),
        source: source.without_url(),
    })
}

/// A digest is mandatory here: nobody else vouches for what a web server sends. `authorization` is the base64 of a
/// header value, as the agent gets it.
pub(super) async fn look(
    servers: &dyn ImageServers,
    url: String,
    authorization: Option<&str>,
    digest: Option<Digest>,
    disk_format: Option<String>,
) -> Result<ImageLocation, BootError> {
    let refuse = |problem: String| BootError::Image {
        image: without_secrets(&url),
        problem,
    };
    let digest = digest.ok_or_else(|| {
        refuse(
            "set instance_info.image_checksum, or image_os_hash_algo and image_os_hash_value"
                .to_owned(),
        )
    })?;
    let authorization = authorization
        .map(|text| header(text).ok_or_else(|| refuse(UNUSABLE_HEADER.to_owned())))
        .transpose()?;
    let answer = servers.head(&url, authorization.as_ref()).await;
    let answer = answer.map_err(|source| BootError::ImageRequest {
        image: without_secrets(&url),
        source: source.without_url(),
    })?;
    let status = answer.status;
    if !status.is_success() && status != StatusCode::METHOD_NOT_ALLOWED {
        return Err(refuse(format!(
            "its server answers {status}: correct instance_info.image_source"
        )));
    }
    Ok(ImageLocation {
        size_bytes: answer.size_bytes,
        url,
        digest,
        disk_format,
    })
}

const UNUSABLE_HEADER: &str =
    "instance_info.image_request_authorization is not the base64 of a header value";

/// By HEAD; where a server refuses that, as it does for URLs that were signed for GET, by asking for the first byte.
async fn ask(
    client: &reqwest::Client,
    url: &str,
    authorization: Option<&HeaderValue>,
) -> reqwest::Result<Response> {
    let send = |request: reqwest::RequestBuilder| {
        let request = with(request, authorization);
        request.timeout(REQUEST_TIMEOUT).send()
    };
    let answer = send(client.head(url)).await?;
    if refuses_head(answer.status()) {
        return send(client.get(url).header(RANGE, "bytes=0-0")).await;
    }
    Ok(answer)
}

/// Whether a server that answers so to HEAD may well answer to GET.
pub(crate) fn refuses_head(status: StatusCode) -> bool {
    [
        StatusCode::FORBIDDEN,
        StatusCode::METHOD_NOT_ALLOWED,
        StatusCode::NOT_IMPLEMENTED,
    ]
    .contains(&status)
}

/// Bytes of the whole file.
fn size(answer: &Response) -> Option<u64> {
    let text = |name| answer.headers().get(name)?.to_str().ok();
    if answer.status() == StatusCode::PARTIAL_CONTENT {
        return text(CONTENT_RANGE)?.rsplit('/').next()?.parse().ok();
    }
    text(CONTENT_LENGTH)?.parse().ok()
}

fn header(base64: &str) -> Option<HeaderValue> {
    let bytes = STANDARD.decode(base64).ok()?;
    let mut value = HeaderValue::from_bytes(&bytes).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The URL as it may be shown: without user, password and query, where signatures stand.
pub(crate) fn without_secrets(url: &str) -> String {
    let Ok(mut parsed) = Url::parse(url) else {
        return url.to_owned();
    };
    let hidden = parsed.set_username("").is_ok() & parsed.set_password(None).is_ok();
    parsed.set_query(None);
    parsed.set_fragment(None);
    if hidden {
        parsed.to_string()
    } else {
        parsed.path().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;

    /// Answers one request: with the range that it asks for, or with everything and more.
    async fn serve(has_ranges: bool) -> (String, JoinSet<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/os.img", listener.local_addr().unwrap());
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            let answer = match has_ranges {
                // Else the client would keep the connection for the next request.
                true => "HTTP/1.1 206 Partial Content\r\nconnection: close\r\ncontent-length: 4\r\n\r\nabcd"
                    .to_owned(),
                false => format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n{}",
                    "abcdefgh".repeat(1000)
                ),
            };
            stream.write_all(answer.as_bytes()).await.unwrap();
            // The rest of what was promised never comes: nobody may wait for it.
            drop(stream.read(&mut request).await);
            String::from_utf8_lossy(&request[..length]).to_lowercase()
        });
        (url, serving)
    }

    #[tokio::test]
    async fn the_first_bytes_come_from_servers_with_ranges_and_without() {
        crate::tls::install_provider();
        let client = Clients::from(reqwest::Client::new());
        let token = header(&STANDARD.encode("Bearer token"));
        for has_ranges in [true, false] {
            let (url, mut serving) = serve(has_ranges).await;
            let read = client.beginning(&url, token.as_ref(), 4).await.unwrap();
            assert_eq!(read.as_deref(), Some(&b"abcd"[..]), "{has_ranges}");
            let asked = serving.join_next().await.unwrap().unwrap();
            assert!(asked.contains("range: bytes=0-3"), "{asked}");
            assert!(asked.contains("authorization: bearer token"), "{asked}");
        }
    }

    #[test]
    fn urls_are_shown_without_their_secrets() {
        for (url, shown) in [
            ("http://bob:hunter2@h/a.img?sig=S3CRET#x", "http://h/a.img"),
            ("https://h:8443/a.img", "https://h:8443/a.img"),
            ("file:///images/a.img", "/images/a.img"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn headers_are_checked() {
        let value = header(&STANDARD.encode("Bearer token")).unwrap();
        assert!(value.is_sensitive() && value == "Bearer token");
        assert!(header("***").is_none());
        assert!(header(&STANDARD.encode("a\nb")).is_none());
    }
}
