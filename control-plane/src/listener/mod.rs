//! Accepting HTTP until it is time to stop; then requests that are under way may end, for a while.
//!
//! No client holds a connection for longer than it uses it, and none holds up the end of the process: whoever sends no
//! request in time, or takes next to nothing of its answer, is cut off, and where places are short whoever keeps us
//! waiting makes room for the next. Where other conductors connect, TLS with both sides' certificates comes first.

mod bodies;
mod exchange;
mod open_files;
mod patient;
mod places;
#[cfg(test)]
mod tests;

pub(crate) use bodies::{BodyRoom, BodyShare, NoRoom, Sender};

use crate::cluster::Identity;
use crate::config::{Http, seconds};
use crate::server_tls::ServerTls;
use anyhow::Context;
use axum::extract::{ConnectInfo, Request};
use axum::{Extension, Router};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use patient::{Pace, Patient};
use places::{Door, Places, Seat};
use rustls::ServerConfig;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use tracing::{debug, warn};

/// A request's first line and headers; more is answered 431.
const HEAD_LIMIT_BYTES: usize = 32 << 10;
/// What is read ahead of a body, and kept of an answer that the client has yet to take.
const BUFFER_LIMIT_BYTES: usize = 64 << 10;
/// How long, and for how much, a client is listened to that was told that its connection ends.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1 << 20;
/// For whoever has begun a request and did not go on with it.
const TOO_LATE: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

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

/// What all listeners of the process together allow their clients. Clones are the same.
#[derive(Clone)]
pub(crate) struct Limits {
    patience: Http,
    places: Places,
    bodies: BodyRoom,
}

impl Limits {
    /// As many connections as the process may have open files, some of these left for other things.
    pub(crate) fn new(patience: Http) -> Self {
        let places = open_files::room();
        if places < patience.connections {
            warn!(
                places,
                "the limit of open files leaves room for fewer connections than http.connections: raise it (LimitNOFILE)"
            );
        }
        Self {
            patience,
            places: Places::new(places),
            bodies: BodyRoom::new(patience.body_memory_mib),
        }
    }
}

/// Serves until `stop`, and a little longer for what is being answered then.
pub(crate) async fn serve(
    listener: TcpListener,
    (admission, router): (Admission, Router),
    limits: Limits,
    stop: CancellationToken,
) {
    let patience = limits.patience;
    let service = Service {
        admission,
        router: router.layer(Extension(patience)),
        patience,
        bodies: limits.bodies,
        stop: stop.clone(),
    };
    let door = limits.places.door(patience.connections);
    let mut connections = JoinSet::new();
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &door)).await {
        connections.spawn(service.clone().attend(accepted));
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
    seat: Arc<Seat>,
}

async fn accept(listener: &TcpListener, door: &Door) -> Accepted<TcpStream> {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let seat = Arc::new(door.enter().await);
                return Accepted { stream, peer, seat };
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

/// What a listener does for each of its connections.
#[derive(Clone)]
struct Service {
    admission: Admission,
    router: Router,
    patience: Http,
    bodies: BodyRoom,
    stop: CancellationToken,
}

impl Service {
    /// Nothing is kept ready for whoever has not sent anything yet.
    async fn attend(self, accepted: Accepted<TcpStream>) {
        let limit = seconds(self.patience.header_timeout_s);
        let sends = timeout(limit, accepted.stream.readable());
        let sends = tokio::select! {
            biased;
            () = self.stop.cancelled() => return,
            sends = sends => sends,
            () = accepted.seat.is_given_away() => return,
        };
        let Ok(Ok(())) = sends else {
            debug!(peer = %accepted.peer, "whoever connected sent nothing");
            return;
        };
        Box::pin(self.admit(accepted)).await;
    }

    async fn admit(self, accepted: Accepted<TcpStream>) {
        let tls = match &self.admission {
            Admission::Anybody => {
                let accepted = patient(accepted, self.patience);
                return self.converse(accepted).await;
            }
            Admission::Tls(tls) => tls.server(),
            Admission::Conductors(identity) => identity.server(),
        };
        let seat = Arc::clone(&accepted.seat);
        let secured = tokio::select! {
            biased;
            () = self.stop.cancelled() => return,
            secured = secure(accepted, tls, self.patience) => secured,
            () = seat.is_given_away() => return,
        };
        if let Some(accepted) = secured {
            self.converse(accepted).await;
        }
    }

    /// One request after the other.
    async fn converse<S>(self, accepted: Accepted<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Accepted { stream, peer, seat } = accepted;
        let router = match self.admission {
            Admission::Tls(_) => self.router.layer(Extension(OverTls)),
            Admission::Anybody | Admission::Conductors(_) => self.router,
        };
        let (bodies, place) = (self.bodies, Arc::clone(&seat));
        let service = service_fn(move |request: Request<Incoming>| {
            let (mut request, answering) = exchange::begin(&place, request);
            let (router, share) = (router.clone(), bodies.share());
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(share.clone());
            async move {
                let answered = router.oneshot(request).await;
                drop(share);
                let Ok(response) = answered;
                Ok::<_, Infallible>(answering.with(response))
            }
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(seconds(self.patience.header_timeout_s))
            .max_header_size(HEAD_LIMIT_BYTES)
            .max_buf_size(BUFFER_LIMIT_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let ended = tokio::select! {
            biased;
            ended = &mut connection => ended,
            () = seat.is_given_away() => {
                debug!(%peer, "a client that kept us waiting made room for another");
                return;
            }
            () = self.stop.cancelled() => {
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                (&mut connection).await
            }
        };
        let parts = connection.into_parts();
        let mut stream = parts.io.into_inner();
        if let Err(error) = ended {
            // Whoever is merely idle is told nothing, as no request is refused.
            if error.is_timeout() && !parts.read_buf.is_empty() {
                drop(stream.write_all(TOO_LATE).await);
            }
            let is_told = error.is_timeout() || error.is_parse();
            let error = &error as &dyn std::error::Error;
            debug!(%peer, error, "a connection broke off");
            if !is_told {
                return;
            }
        }
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {}
            () = seat.is_given_away() => {}
            () = linger(&mut stream) => {}
        }
    }
}

/// Closes our side, and waits until the client has closed its own, for a moment. To close on what is not read would take away from the client what
/// it was told last.
async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let (mut buffer, mut left) = (vec![0; 8 << 10], LINGER_BYTES);
    let reading = async {
        drop(stream.shutdown().await);
        while left > 0 {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(length) => left = left.saturating_sub(length),
            }
        }
    };
    drop(timeout(LINGER, reading).await);
}

/// The same connection, which is cut off when the client does not take what it is sent.
fn patient(accepted: Accepted<TcpStream>, patience: Http) -> Accepted<Patient<TcpStream>> {
    let Accepted { stream, peer, seat } = accepted;
    let pace = Pace {
        bytes: patience.answer_stall_bytes,
        within: seconds(patience.answer_stall_s),
    };
    let stream = Patient::new(stream, pace, Arc::clone(&seat));
    Accepted { stream, peer, seat }
}

/// The same connection with TLS, if both sides agree on it in time.
async fn secure(
    accepted: Accepted<TcpStream>,
    tls: Arc<ServerConfig>,
    patience: Http,
) -> Option<Accepted<TlsStream<Patient<TcpStream>>>> {
    let Accepted { stream, peer, seat } = self::patient(accepted, patience);
    let agreeing = TlsAcceptor::from(tls).accept(stream);
    match timeout(seconds(patience.header_timeout_s), agreeing).await {
        Ok(Ok(stream)) => Some(Accepted { stream, peer, seat }),
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
