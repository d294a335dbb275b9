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
        .map_request(without_trailing_slash)
        .service(router);
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .await?;
    Ok(())
}

/// Redfish clients write addresses with and without a slash at the end and mean the same.
fn without_trailing_slash(request: Request<Incoming>) -> Request<Body> {
    let mut request = request.map(Body::new);
    let trimmed = trimmed(request.uri());
    if let Some(uri) = trimmed {
        *request.uri_mut() = uri;
    }
    request
}

fn trimmed(uri: &Uri) -> Option<Uri> {
    let path = uri
        .path()
        .strip_suffix('/')
        .filter(|path| !path.is_empty())?;
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    format!("{path}{query}").parse().ok()
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
    fn only_the_last_slash_goes() {
        for (uri, expected) in [
            ("/redfish/v1/", Some("/redfish/v1")),
            (
                "/redfish/v1/Systems/?$expand=.",
                Some("/redfish/v1/Systems?$expand=."),
            ),
            ("/redfish/v1", None),
            ("/", None),
        ] {
            let trimmed = trimmed(&uri.parse().unwrap());
            assert_eq!(
                trimmed.map(|uri| uri.to_string()).as_deref(),
                expected,
                "{uri}"
            );
        }
    }
}
