//! Accepts connections, speaks TLS and HTTP/1 on them, and ends in order: what is being answered is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// One conductor talks to one agent; more connections than these wait.
const MAX_CONNECTIONS: usize = 64;
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
const HEADER_TIME: Duration = Duration::from_secs(30);
/// How long an answer may take after the end was asked for.
const LAST_ANSWER_TIME: Duration = Duration::from_secs(5);

/// Why nobody can connect.
#[derive(Debug, thiserror::Error)]
pub enum ListenerError {
    #[error("listening on {0}")]
    Bind(SocketAddr, #[source] std::io::Error),
}

/// A bound socket.
pub struct Listener {
    socket: TcpListener,
    pub address: SocketAddr,
}

impl Listener {
    /// Binds the address; from then on connections wait.
    ///
    /// # Errors
    /// When it is taken.
    pub fn bind(address: SocketAddr) -> Result<Self, ListenerError> {
        let failed = |error| ListenerError::Bind(address, error);
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        };
        let socket = socket.map_err(failed)?;
        // A restarted agent must get the port that its predecessor had a moment ago.
        socket.set_reuseaddr(true).map_err(failed)?;
        socket.bind(address).map_err(failed)?;
        let socket = socket.listen(128).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address })
    }

    /// Serves until the end is asked for.
    pub async fn serve(
        self,
        router: Router,
        tls: Option<Arc<ServerConfig>>,
        stop: CancellationToken,
    ) {
        let acceptor = tls.map(TlsAcceptor::from);
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        while let Some(stream) = stop.run_until_cancelled(self.accept(&permits)).await {
            let (stream, permit) = stream;
            let connection = serve_stream(stream, acceptor.clone(), router.clone(), stop.clone());
            connections.spawn(async move {
                connection.await;
                drop(permit);
            });
            while connections.try_join_next().is_some() {}
        }
        drop(self.socket);
        let rest = async { while connections.join_next().await.is_some() {} };
        if timeout(LAST_ANSWER_TIME, rest).await.is_err() {
            tracing::warn!("some answers were cut off at the end");
        }
    }

    async fn accept(
        &self,
        permits: &Arc<Semaphore>,
    ) -> (TcpStream, tokio::sync::OwnedSemaphorePermit) {
        let permit = Arc::clone(permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => return (stream, permit),
                Err(error) => {
                    // For want of file descriptors, as a rule: it passes.
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "accepting a connection"
                    );
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

async fn serve_stream(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    router: Router,
    stop: CancellationToken,
) {
    let Some(acceptor) = acceptor else {
        return serve_http(stream, router, stop).await;
    };
    match timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => serve_http(stream, router, stop).await,
        Ok(Err(error)) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "TLS handshake")
        }
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn serve_http<S>(stream: S, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = stop.run_until_cancelled(connection.as_mut()).await;
    let result = match ended {
        Some(result) => result,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "a connection broke off"
        );
    }
}
