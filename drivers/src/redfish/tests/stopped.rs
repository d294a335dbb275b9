//! A process that is stopped between the leave for a request and the wire sends nothing when it goes on: by then its
//! machine may be somebody else's.

use std::io::Read;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, Stream};
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::quick;
use super::tls::identity;
use crate::permit::Gate;
use crate::redfish::{Bmc, RedfishInfo};
use crate::{BmcError, Settings};

/// For a request with its answer.
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
    let (config, _) = identity();
    let held = hold(config);
    let address = held.address.to_string();
    let info = json!({"redfish_address": address, "redfish_verify_ca": false});
    let info = RedfishInfo::parse(info.as_object().unwrap()).unwrap();
    let settings = Settings {
        connect_timeout: LIMIT / 2,
        read_timeout: LIMIT / 2,
        attempts: 1,
        ..quick()
    };
    let bmc = Bmc::new(&info, &settings, Gate::default()).unwrap();
    let body = json!({"ResetType": "ForceOff"});
    let path = "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset";
    let (sent, ()) = tokio::join!(
        bmc.post(path, &body),
        stopped(held.greeted, (held.go_on, held.went_on)),
    );
    assert!(
        matches!(
            sent,
            Err(BmcError::NoAnswer { .. } | BmcError::Connect { .. })
        ),
        "{sent:?}"
    );
    let heard = held.heard.join().unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), "");
}
