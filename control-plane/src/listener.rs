//! Accepting HTTP until it is time to stop; then requests that are under way may end, for a while.
//!
//! No client holds a connection for longer than it uses it, and none holds up the end of the process. Where other
//! conductors connect, TLS with both sides' certificates comes first.

use crate::cluster::Identity;
use crate::config::{Http, seconds};
use crate::server_tls::ServerTls;
use crate::stall::Stall;
use anyhow::Context;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::{Extension, Router};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{debug, warn};

/// A bound socket, so that a port in use is known before anything else is started.
pub(crate) async fn bind(address: SocketAddr, what: &'static str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listening on {address} for {what}"))
}

/// Who may connect.
#[derive(Clone)]
pub(crate) enum Admission {
    /// Whoever reaches the address.
    Anybody,
    /// Whoever comes to an agreement on TLS, and shows a certificate where one is asked for.
    Tls(Arc<ServerTls>),
    /// Whoever has a certificate of the cluster; nothing is read from anybody else.
    Conductors(Arc<Identity>),
}

/// Put on requests that came by TLS.
#[derive(Clone, Copy)]
pub(crate) struct OverTls;

/// Serves until `stop`, and a little longer for what is being answered then.
pub(crate) async fn serve(
    listener: TcpListener,
    (admission, router): (Admission, Router),
    patience: Http,
    stop: CancellationToken,
) {
    let router = router.layer(Extension(patience));
    let permits = Arc::new(Semaphore::new(patience.connections));
    let mut connections = JoinSet::new();
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &permits)).await {
        let (admission, router, stop) = (admission.clone(), router.clone(), stop.clone());
        connections.spawn(async move {
            match admission {
                Admission::Anybody => attend(accepted, router, patience, stop).await,
                Admission::Tls(tls) => {
                    let router = router.layer(Extension(OverTls));
                    let admitting = admit(accepted, tls.server(), patience);
                    if let Some(Some(accepted)) = stop.run_until_cancelled(admitting).await {
                        attend(accepted, router, patience, stop).await;
                    }
                }
                Admission::Conductors(identity) => {
                    let admitting = admit(accepted, identity.server(), patience);
                    if let Some(Some(accepted)) = stop.run_until_cancelled(admitting).await {
                        attend(accepted, router, patience, stop).await;
                    }
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let rest = async { while connections.join_next().await.is_some() {} };
    if timeout(seconds(patience.stop_grace_s), rest).await.is_err() {
        warn!("some requests were cut off at the end");
    }
}

struct Accepted<S> {
    stream: S,
    peer: SocketAddr,
    /// Given back with the end of the connection.
    permit: OwnedSemaphorePermit,
}

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> Accepted<TcpStream> {
    let permit = Arc::clone(permits)
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                return Accepted {
                    stream,
                    peer,
                    permit,
                };
            }
            Err(error) => {
                // For want of file descriptors, as a rule: it passes.
                warn!(
                    error = &error as &dyn std::error::Error,
                    "accepting a connection"
                );
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// The same connection with TLS, if both sides agree on it in time.
async fn admit(
    accepted: Accepted<TcpStream>,
    tls: Arc<ServerConfig>,
    patience: Http,
) -> Option<Accepted<TlsStream<TcpStream>>> {
    let peer = accepted.peer;
    let agreeing = TlsAcceptor::from(tls).accept(accepted.stream);
    match timeout(seconds(patience.header_timeout_s), agreeing).await {
        Ok(Ok(stream)) => Some(Accepted {
            stream,
            peer,
            permit: accepted.permit,
        }),
        Ok(Err(error)) => {
            let error = &error as &dyn std::error::Error;
            warn!(%peer, error, "whoever connected is not let in");
            None
        }
        Err(_) => {
            debug!(%peer, "whoever connected did not come to an agreement on TLS");
            None
        }
    }
}

async fn attend<S>(accepted: Accepted<S>, router: Router, patience: Http, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = accepted.peer;
    let stall = Stall::default();
    let watch = stall.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        request.extensions_mut().insert(watch.clone());
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(seconds(patience.header_timeout_s))
        .serve_connection(TokioIo::new(accepted.stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        biased;
        ended = &mut connection => ended,
        () = stall.happens() => {
            debug!(%peer, "a client that does not read its stream was cut off");
            return;
        }
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        let error = &error as &dyn std::error::Error;
        debug!(%peer, error, "a connection broke off");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::convert::Infallible;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::Instant;

    struct Served {
        address: SocketAddr,
        stop: CancellationToken,
        task: JoinSet<()>,
    }

    impl Served {
        async fn start(patience: Http) -> Self {
            let listener = bind("127.0.0.1:0".parse().unwrap(), "a test")
                .await
                .unwrap();
            let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
            let who = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
            let slow = || async {
                sleep(Duration::from_secs(1)).await;
                "done"
            };
            let endless = |Extension(stall): Extension<Stall>| async move {
                let parts =
                    futures_util::stream::repeat_with(|| Ok::<_, Infallible>("x".repeat(4096)));
                stall.watch(Body::from_stream(parts), Duration::from_millis(200))
            };
            let router = Router::new()
                .route("/endless", get(endless))
                .route("/who", get(who))
                .route("/slow", get(slow));
            let mut task = JoinSet::new();
            let served = (Admission::Anybody, router);
            task.spawn(serve(listener, served, patience, stop.clone()));
            Self {
                address,
                stop,
                task,
            }
        }

        async fn send(&self, text: &str) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream
        }

        async fn stop(&mut self) -> Duration {
            let start = Instant::now();
            self.stop.cancel();
            self.task.join_next().await.unwrap().unwrap();
            start.elapsed()
        }
    }

    async fn rest(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    fn patience(connections: usize) -> Http {
        Http {
            connections,
            header_timeout_s: 1,
            stop_grace_s: 2,
            ..Http::default()
        }
    }

    const WHO: &str = "GET /who HTTP/1.1\r\nhost: a\r\n\r\n";

    #[tokio::test]
    async fn a_connection_serves_one_request_after_the_other_and_knows_its_peer() {
        let served = Served::start(patience(1)).await;
        let mut stream = served.send(WHO).await;
        let peer = stream.local_addr().unwrap().to_string();
        for _ in 0..2 {
            let mut buffer = [0; 1024];
            let length = stream.read(&mut buffer).await.unwrap();
            let answer = String::from_utf8_lossy(&buffer[..length]).into_owned();
            assert!(
                answer.starts_with("HTTP/1.1 200") && answer.ends_with(&peer),
                "{answer}"
            );
            stream.write_all(WHO.as_bytes()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn headers_that_never_end_give_their_place_to_the_next_client() {
        let served = Served::start(patience(1)).await;
        let stalled = served.send("GET /who HTTP/1.1\r\nhost:").await;
        let last = WHO.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        let next = served.send(&last);
        let answer = timeout(Duration::from_secs(10), rest(next.await))
            .await
            .unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(!rest(stalled).await.contains("200"));
    }

    #[tokio::test]
    async fn a_stop_waits_for_an_answer_and_for_no_stalled_client() {
        let forever = Http {
            header_timeout_s: 3600,
            ..patience(9)
        };
        let mut served = Served::start(forever).await;
        let slow = served.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let stalled = served.send("GET /who HTTP/1.1\r\nhost:").await;
        sleep(Duration::from_millis(300)).await;
        let took = served.stop().await;
        assert!((1500..4000).contains(&took.as_millis()), "{took:?}");
        assert!(rest(slow).await.ends_with("done"));
        drop(stalled);
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_its_stream_gives_its_place_to_the_next() {
        let served = Served::start(patience(1)).await;
        let lazy = served
            .send("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n")
            .await;
        let last = WHO.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
        let next = served.send(&last).await;
        let answer = timeout(Duration::from_secs(20), rest(next)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        drop(lazy);
    }
}
