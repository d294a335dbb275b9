//! Real sockets and real TLS on loopback, with certificates shaped like those of agents.

use super::*;
use rcgen::{CertificateParams, KeyPair, SanType};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, Stream};
use std::io::Read;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

struct Identity {
    pem: String,
    config: Arc<ServerConfig>,
}

/// As the Python agent makes it: P-384, self-signed, the address as its only name.
fn identity(algorithm: &'static rcgen::SignatureAlgorithm) -> Identity {
    crate::tls::install_provider();
    let key = KeyPair::generate_for(algorithm).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.subject_alt_names = vec![SanType::IpAddress("192.0.2.9".parse().unwrap())];
    let certificate = params.self_signed(&key).unwrap();
    let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    Identity {
        pem: certificate.pem(),
        config: Arc::new(config),
    }
}

/// Answers one request with what it was asked, as JSON; ends with the set.
async fn serve(identity: Option<&Identity>, tasks: &mut JoinSet<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = identity.map(|identity| TlsAcceptor::from(identity.config.clone()));
    tasks.spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            match &acceptor {
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => answer(stream).await,
                    Err(_refused_by_the_client) => {}
                },
                None => answer(stream).await,
            }
        }
    });
    address
}

async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let mut request = vec![0; 4096];
    let length = stream.read(&mut request).await.unwrap();
    let head = String::from_utf8_lossy(&request[..length]).into_owned();
    let body = serde_json::json!({"request": head}).to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream
        .write_all(format!("{head}{body}").as_bytes())
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
}

fn call(url: String, certificate: Option<String>) -> AgentCall {
    AgentCall {
        node: ferric_model::ids::NodeId(uuid::Uuid::nil()),
        verb: Verb::Post,
        url,
        query: vec![("agent_token", "very-secret".to_owned())],
        headers: vec![("X-Ferric-Epoch", "7".to_owned())],
        body: Some(serde_json::json!({"name": "a.b", "params": {}})),
        certificate,
        timeout: Duration::from_secs(10),
    }
}

async fn ask(url: String, certificate: Option<String>) -> Result<AgentAnswer, TransportError> {
    HttpTransport::default().send(call(url, certificate)).await
}

#[tokio::test]
async fn the_pinned_certificate_is_accepted_whatever_its_names() {
    for algorithm in [
        &rcgen::PKCS_ECDSA_P384_SHA384,
        &rcgen::PKCS_ECDSA_P256_SHA256,
    ] {
        let identity = identity(algorithm);
        let mut tasks = JoinSet::new();
        let address = serve(Some(&identity), &mut tasks).await;
        let answer = ask(
            format!("https://{address}/v1/commands/"),
            Some(identity.pem),
        )
        .await
        .unwrap();
        let request = answer.body["request"].as_str().unwrap().to_lowercase();
        assert_eq!(answer.status, 200);
        assert!(
            request.starts_with("post /v1/commands/?agent_token=very-secret http/1.1"),
            "{request}"
        );
        assert!(request.contains("x-ferric-epoch: 7"), "{request}");
    }
}

#[tokio::test]
async fn another_certificate_is_refused_and_the_error_hides_the_token() {
    let (theirs, ours) = (
        identity(&rcgen::PKCS_ECDSA_P256_SHA256),
        identity(&rcgen::PKCS_ECDSA_P256_SHA256),
    );
    let mut tasks = JoinSet::new();
    let address = serve(Some(&theirs), &mut tasks).await;
    let error = ask(format!("https://{address}/v1/commands/"), Some(ours.pem))
        .await
        .unwrap_err();
    let text = crate::conductor::steps::chain(&error);
    assert!(!text.contains("very-secret"), "{text}");
    assert!(text.to_lowercase().contains("certificate"), "{text}");
}

#[tokio::test]
async fn a_pinned_agent_is_never_asked_without_tls() {
    let identity = identity(&rcgen::PKCS_ECDSA_P256_SHA256);
    let mut tasks = JoinSet::new();
    let address = serve(None, &mut tasks).await;
    let url = format!("http://{address}/v1/commands/");
    assert!(ask(url.clone(), Some(identity.pem)).await.is_err());
    assert_eq!(ask(url, None).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_certificate_that_is_none_is_an_error() {
    let error = ask("https://127.0.0.1:1/".to_owned(), Some("no PEM".to_owned()))
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::Certificate(_)), "{error}");
}

/// The time for a request with its answer.
const LIMIT: Duration = Duration::from_secs(4);
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that keeps its side of the TLS handshake back until it is told.
struct Held {
    address: SocketAddr,
    /// The client's side has come.
    greeted: oneshot::Receiver<()>,
    go_on: mpsc::Sender<()>,
    /// The server's side has been sent.
    went_on: mpsc::Receiver<()>,
    /// What came over the connection then.
    heard: JoinHandle<Vec<u8>>,
}

fn hold(config: Arc<ServerConfig>) -> Held {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (greet, greeted) = oneshot::channel();
    let (go_on, told) = mpsc::channel();
    let (tell, went_on) = mpsc::channel();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut session = ServerConnection::new(config).unwrap();
        while !session.wants_write() {
            assert!(session.read_tls(&mut stream).unwrap() > 0, "it hangs up");
            session.process_new_packets().unwrap();
        }
        greet.send(()).unwrap();
        told.recv().unwrap();
        while session.wants_write() {
            session.write_tls(&mut stream).unwrap();
        }
        tell.send(()).unwrap();
        let mut heard = Vec::new();
        // A client that gives up ends the connection in the middle of the handshake, which is an error.
        drop(Stream::new(&mut session, &mut stream).read_to_end(&mut heard));
        heard
    });
    Held {
        address,
        greeted,
        go_on,
        went_on,
        heard,
    }
}

/// What SIGSTOP does to this thread, from the client's side of the handshake on. Meanwhile the server's side comes.
#[expect(
    clippy::disallowed_methods,
    reason = "the thread must stand still, and for longer than the request may last"
)]
async fn stopped(
    greeted: oneshot::Receiver<()>,
    (go_on, went_on): (mpsc::Sender<()>, mpsc::Receiver<()>),
) {
    timeout(PATIENCE, greeted).await.unwrap().unwrap();
    go_on.send(()).unwrap();
    went_on.recv().unwrap();
    std::thread::sleep(LIMIT + LIMIT / 4);
}

#[tokio::test]
async fn who_was_stopped_before_the_wire_sends_nothing() {
    let identity = identity(&rcgen::PKCS_ECDSA_P384_SHA384);
    let held = hold(identity.config);
    let url = format!("https://{}/v1/commands/", held.address);
    let call = AgentCall {
        timeout: LIMIT,
        ..call(url, Some(identity.pem))
    };
    let transport = HttpTransport::default();
    let (sent, ()) = tokio::join!(
        transport.send(call),
        stopped(held.greeted, (held.go_on, held.went_on)),
    );
    assert!(sent.is_err(), "{sent:?}");
    let heard = held.heard.join().unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), "");
}
