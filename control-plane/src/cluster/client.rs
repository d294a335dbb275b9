//! Calls to other conductors: a connection for each, so that it is always known whether a call was sent.
//!
//! A kept connection would save a key exchange, and now and then break while a call is on it that nobody has read: the
//! client would be told that it may have been done.

use super::identity::{Identity, IdentityError, server_name};
use super::{ANSWER_LIMIT_BYTES, CALL, HELLO, LIVE};
use crate::conductor::{Certificate, Peer, PeerError, Peers, Tell};
use async_trait::async_trait;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// Another conductor is near: one that cannot be reached within this time is not there.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Who answers to a hello says little.
const HELLO_LIMIT_BYTES: usize = 64 << 10;
/// Who tells live says something every few seconds.
const SILENCE_LIMIT: Duration = Duration::from_secs(20);
/// An event's.
const LINE_LIMIT_BYTES: usize = 1 << 20;

#[derive(Debug, thiserror::Error)]
enum CallFailure {
    #[error("{0:?} is no address of a conductor")]
    Address(String),
    #[error(transparent)]
    Name(#[from] IdentityError),
    #[error("connecting to {0}")]
    Connect(String, #[source] std::io::Error),
    #[error("agreeing on TLS with {0}")]
    Tls(String, #[source] std::io::Error),
    #[error("speaking HTTP with {0}")]
    Http(String, #[source] hyper::Error),
    #[error("{0} did not answer within {1:?}")]
    Silent(String, Duration),
    #[error("{0} answered {1}")]
    Status(String, StatusCode),
    #[error("reading the answer of {0}")]
    Answer(String, #[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The real way to other conductors.
pub(crate) struct HttpPeers {
    identity: Arc<Identity>,
}

/// A connection on which the other side has proved who it is, and has accepted us.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Reads and writes; ends with the connection.
    _driver: JoinSet<()>,
}

impl HttpPeers {
    pub(crate) fn new(identity: Arc<Identity>) -> Self {
        Self { identity }
    }

    async fn connect(&self, peer: &Peer) -> Result<Connection, CallFailure> {
        let address = &peer.address;
        let not_one = || CallFailure::Address(address.clone());
        let url = Url::parse(address).map_err(|_| not_one())?;
        if url.scheme() != "https" {
            return Err(not_one());
        }
        let port = url.port_or_known_default().ok_or_else(not_one)?;
        let host = match url.host().ok_or_else(not_one)? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let stream = TcpStream::connect((host.as_str(), port))
            .await
            .map_err(|source| CallFailure::Connect(address.clone(), source))?;
        // Whatever the record says of the address: only the conductor with this name is meant.
        let name = server_name(&peer.host)?;
        let stream = TlsConnector::from(self.identity.client())
            .connect(name, stream)
            .await
            .map_err(|source| CallFailure::Tls(address.clone(), source))?;
        let failed = |source| CallFailure::Http(address.clone(), source);
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(failed)?;
        let mut driver = JoinSet::new();
        driver.spawn(async move { drop(connection.await) });
        let mut connection = Connection {
            sender,
            _driver: driver,
        };
        connection.greet(peer).await?;
        Ok(connection)
    }

    /// The same, within a time.
    async fn reach(&self, peer: &Peer, limit: Duration) -> Result<Connection, PeerError> {
        let connected = match timeout(limit, self.connect(peer)).await {
            Ok(connected) => connected,
            Err(_) => Err(CallFailure::Silent(peer.address.clone(), limit)),
        };
        connected.map_err(|cause| PeerError::NotReached(cause.into()))
    }
}

impl Connection {
    async fn greet(&mut self, peer: &Peer) -> Result<(), CallFailure> {
        let failed = |source| CallFailure::Http(peer.address.clone(), source);
        let request = request(Request::get(HELLO), peer, Vec::new());
        let answer = self.sender.send_request(request).await.map_err(failed)?;
        if answer.status() != StatusCode::OK {
            let (address, status) = (peer.address.clone(), answer.status());
            return Err(CallFailure::Status(address, status));
        }
        read(answer.into_body(), peer, HELLO_LIMIT_BYTES).await?;
        self.sender.ready().await.map_err(failed)
    }

    /// The one time that a call is sent.
    async fn send(&mut self, peer: &Peer, call: Vec<u8>) -> Result<Vec<u8>, PeerError> {
        let request = request(Request::post(CALL), peer, call);
        let answer = match self.sender.try_send_request(request).await {
            Ok(answer) => answer,
            Err(mut error) => {
                let unsent = error.take_message().is_some();
                let cause = CallFailure::Http(peer.address.clone(), error.into_error());
                return Err(if unsent {
                    PeerError::NotReached(cause.into())
                } else {
                    PeerError::Unanswered(cause.into())
                });
            }
        };
        let (address, status) = (peer.address.clone(), answer.status());
        let refused = CallFailure::Status(address, status);
        if status.is_client_error() {
            // Turned away before anybody has read what was asked.
            return Err(PeerError::NotReached(refused.into()));
        }
        if status != StatusCode::OK {
            return Err(PeerError::Unanswered(refused.into()));
        }
        read(answer.into_body(), peer, ANSWER_LIMIT_BYTES)
            .await
            .map_err(|cause| PeerError::Unanswered(cause.into()))
    }

    /// Reads lines to the end, or until the other side has been silent for too long. Those that say nothing are for that.
    async fn listen(&mut self, peer: &Peer, tell: &Tell<'_>) -> Result<(), CallFailure> {
        let address = &peer.address;
        let silent = || CallFailure::Silent(address.clone(), SILENCE_LIMIT);
        let failed = |source| CallFailure::Http(address.clone(), source);
        let asked = self
            .sender
            .send_request(request(Request::get(LIVE), peer, Vec::new()));
        let answer = timeout(SILENCE_LIMIT, asked).await.map_err(|_| silent())?;
        let answer = answer.map_err(failed)?;
        if answer.status() != StatusCode::OK {
            return Err(CallFailure::Status(address.clone(), answer.status()));
        }
        let (mut body, mut read) = (answer.into_body(), Vec::<u8>::new());
        loop {
            let frame = timeout(SILENCE_LIMIT, body.frame()).await;
            let Some(frame) = frame.map_err(|_| silent())? else {
                return Ok(());
            };
            if let Some(bytes) = frame.map_err(failed)?.data_ref() {
                read.extend_from_slice(bytes);
            }
            tell_lines(&mut read, tell);
            if read.len() > LINE_LIMIT_BYTES {
                let endless = "a line without an end";
                return Err(CallFailure::Answer(address.clone(), endless.into()));
            }
        }
    }
}

/// Takes whole lines off what was read.
fn tell_lines(read: &mut Vec<u8>, tell: &Tell<'_>) {
    while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
        let line: Vec<u8> = read.drain(..=end).collect();
        if end > 0 {
            tell(&line[..end]);
        }
    }
}

fn request(builder: http::request::Builder, peer: &Peer, body: Vec<u8>) -> Request<Full<Bytes>> {
    builder
        .header(header::HOST, &peer.host)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .expect("a name that TLS has accepted is a header's value")
}

async fn read(body: Incoming, peer: &Peer, limit: usize) -> Result<Vec<u8>, CallFailure> {
    let body = Limited::new(body, limit).collect().await;
    let body = body.map_err(|source| CallFailure::Answer(peer.address.clone(), source))?;
    Ok(body.to_bytes().to_vec())
}

#[async_trait]
impl Peers for HttpPeers {
    fn certificates(&self) -> Vec<Certificate> {
        self.identity.certificates()
    }

    async fn call(
        &self,
        peer: &Peer,
        call: Vec<u8>,
        limit: Duration,
    ) -> Result<Vec<u8>, PeerError> {
        let deadline = Instant::now() + limit;
        let near = CONNECT_LIMIT.min(limit);
        let mut connection = self.reach(peer, near).await?;
        match timeout_at(deadline, connection.send(peer, call)).await {
            Ok(outcome) => outcome,
            Err(_) => {
                let silent = CallFailure::Silent(peer.address.clone(), limit);
                Err(PeerError::Unanswered(silent.into()))
            }
        }
    }

    async fn follow(&self, peer: &Peer, tell: &Tell<'_>) -> Result<(), PeerError> {
        let mut connection = self.reach(peer, CONNECT_LIMIT).await?;
        let listened = connection.listen(peer, tell).await;
        listened.map_err(|cause| PeerError::Unanswered(cause.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    #[test]
    fn lines_are_told_when_they_are_whole() {
        let told = Mutex::new(Vec::new());
        let tell = |line: &[u8]| told.lock().push(line.to_vec());
        let mut read = Vec::new();
        for part in ["a", "b\n\nc", "\nd"] {
            read.extend_from_slice(part.as_bytes());
            tell_lines(&mut read, &tell);
        }
        assert_eq!(*told.lock(), [b"ab".to_vec(), b"c".to_vec()]);
        assert_eq!(read, b"d");
    }
}
