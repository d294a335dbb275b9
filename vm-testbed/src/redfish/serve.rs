//! The listener of a BMC: HTTP/1, plain or with a certificate that it made itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Uri};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use uuid::Uuid;

use crate::config;

const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
const HEADER_DEADLINE: Duration = Duration::from_secs(30);

pub struct Listener {
    socket: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    pub async fn bind(bmc: &config::Bmc) -> anyhow::Result<Listener> {
        let socket = TcpListener::bind(bmc.listen).await;
        let socket = socket.with_context(|| format!("binding the BMC's address {}", bmc.listen))?;
        let tls = bmc
            .tls
            .then(|| acceptor(bmc.listen))
            .transpose()
            .context("making the BMC's certificate")?;
        Ok(Listener { socket, tls })
    }

    pub async fn serve(self, router: Router) -> anyhow::Result<()> {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = connections.join_next() => {}
                accepted = self.socket.accept() => match accepted {
                    Ok((stream, _)) => { connections.spawn(carry(stream, self.tls.clone(), router.clone())); }
                    Err(error) => tracing::warn!(%error, "accepting on a BMC's port failed"),
                },
            }
        }
    }
}

async fn carry(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router) {
    let carried = match tls {
        None => converse(stream, router).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE_DEADLINE, tls.accept(stream)).await {
            Ok(Ok(stream)) => converse(stream, router).await,
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(anyhow!("no TLS handshake in time")),
        },
    };
    if let Err(error) = carried {
        tracing::debug!("a connection to a BMC broke: {error:#}");
    }
}

async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    router: Router,
) -> anyhow::Result<()> {
    let service = tower::ServiceBuilder::new()
        .map_request(with_usual_address)
        .service(router);
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .await?;
    Ok(())
}

/// Redfish clients write addresses with and without a slash at the end, and UUIDs in either case, and mean the same.
fn with_usual_address(request: Request<Incoming>) -> Request<Body> {
    let mut request = request.map(Body::new);
    let usual = usual(request.uri());
    if let Some(uri) = usual {
        *request.uri_mut() = uri;
    }
    request
}

/// The address as the service writes it, if that is another one.
fn usual(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let trimmed = path.strip_suffix('/').filter(|path| !path.is_empty());
    let segments: Vec<String> = trimmed.unwrap_or(path).split('/').map(lower_uuid).collect();
    let usual = segments.join("/");
    if usual == path {
        return None;
    }
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    format!("{usual}{query}").parse().ok()
}

fn lower_uuid(segment: &str) -> String {
    match segment.parse::<Uuid>() {
        Ok(uuid) if segment.len() == uuid::fmt::Hyphenated::LENGTH => uuid.to_string(),
        _ => segment.to_owned(),
    }
}

fn acceptor(listen: SocketAddr) -> anyhow::Result<TlsAcceptor> {
    let made = rcgen::generate_simple_self_signed([listen.ip().to_string(), "bmc".to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_slash_goes_and_uuids_are_in_lower_case() {
        for (uri, expected) in [
            ("/redfish/v1/", Some("/redfish/v1")),
            (
                "/redfish/v1/Systems/?$expand=.",
                Some("/redfish/v1/Systems?$expand=."),
            ),
            (
                "/redfish/v1/Systems/6F1B8A52-0F5E-4A52-9A0E-00000000000A/Bios",
                Some("/redfish/v1/Systems/6f1b8a52-0f5e-4a52-9a0e-00000000000a/Bios"),
            ),
            ("/redfish/v1", None),
            ("/", None),
        ] {
            let usual = usual(&uri.parse().unwrap());
            assert_eq!(
                usual.map(|uri| uri.to_string()).as_deref(),
                expected,
                "{uri}"
            );
        }
    }
}
