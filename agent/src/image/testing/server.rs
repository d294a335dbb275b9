//! An HTTP server on plain sockets, because it must cut connections at exact bytes and die in the middle.

use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::Mutex;

use super::super::checksum::to_hex;
use super::answer::{answer, read_request};
use crate::tls::{Certificate, ServerRules, server_config};

/// How the next request is answered; without a plan as it should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    Properly,
    Status(u16),
    /// The connection is closed after so many bytes of the body.
    CutAfter(usize),
    /// The same, and what comes takes a second and a half.
    SlowlyCutAfter(usize),
    /// Nothing more comes after so many bytes of the body, but the connection stays.
    StallAfter(usize),
}

#[derive(Default)]
pub(super) struct State {
    pub(super) files: HashMap<String, Arc<Vec<u8>>>,
    plans: VecDeque<Plan>,
    /// Path and range of each request.
    requests: Vec<(String, Option<String>)>,
    authorizations: Vec<Option<String>>,
    connections: Vec<TcpStream>,
    /// What open-ended requests get, in place of the file.
    pub(super) streams: HashMap<String, Arc<Vec<u8>>>,
    pub(super) no_ranges: bool,
    pub(super) no_length: bool,
    pub(super) etag: Option<String>,
    tls: Option<Arc<rustls::ServerConfig>>,
    /// Files that change when so many requests have come.
    changes: HashMap<usize, (String, Vec<u8>)>,
    stopped: bool,
}

impl State {
    fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.etag = Some(format!("\"{}\"", to_hex(digest(&SHA256, &bytes).as_ref())));
        self.files.insert(format!("/{name}"), Arc::new(bytes));
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::on("127.0.0.1:0".parse().unwrap(), Arc::default())
    }

    fn on(address: SocketAddr, state: Arc<Mutex<State>>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = state.clone();
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                let Ok(connection) = connection else { break };
                if shared.lock().stopped {
                    break;
                }
                let shared = shared.clone();
                std::thread::spawn(move || serve(connection, &shared));
            }
        });
        Self {
            address,
            state,
            thread: Some(thread),
        }
    }

    pub(crate) fn with_file(self, name: &str, bytes: Vec<u8>) -> Self {
        self.put(name, bytes);
        self
    }

    pub(crate) fn without_ranges(self) -> Self {
        self.state.lock().no_ranges = true;
        self
    }

    /// The body ends with the connection, as from a server that makes it on the fly.
    pub(crate) fn without_length(self) -> Self {
        self.state.lock().no_length = true;
        self.without_ranges()
    }

    pub(crate) fn with_tls(self, certificate: &Certificate) -> Self {
        let rules = ServerRules {
            min_version: "1.2",
            cipher_suites: &[],
            client_ca: None,
        };
        self.state.lock().tls = Some(server_config(certificate, rules).unwrap());
        self
    }

    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) {
        self.state.lock().put(name, bytes);
    }

    /// The file is another one from this request on, which is counted from 1.
    pub(crate) fn change_at_request(&self, count: usize, name: &str, bytes: Vec<u8>) {
        self.state
            .lock()
            .changes
            .insert(count, (name.to_owned(), bytes));
    }

    /// Lies: the stream is another file than the ranges.
    pub(crate) fn serve_stream_from(&self, name: &str, bytes: Vec<u8>) {
        self.state
            .lock()
            .streams
            .insert(format!("/{name}"), Arc::new(bytes));
    }

    pub(crate) fn plan(&self, plans: &[Plan]) {
        self.state.lock().plans.extend(plans);
    }

    pub(crate) fn url(&self, name: &str) -> String {
        let scheme = if self.state.lock().tls.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}/{name}", self.address)
    }

    pub(crate) fn ranges_of(&self, name: &str) -> Vec<Option<String>> {
        let state = self.state.lock();
        let path = format!("/{name}");
        state
            .requests
            .iter()
            .filter(|(asked, _)| *asked == path)
            .map(|(_, range)| range.clone())
            .collect()
    }

    pub(crate) fn authorizations(&self) -> Vec<Option<String>> {
        self.state.lock().authorizations.clone()
    }

    /// Dies with all its connections; `revive` starts it again on the same port.
    pub(crate) fn kill(&mut self) {
        self.state.lock().stopped = true;
        // Wakes the accept.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
        for connection in self.state.lock().connections.drain(..) {
            drop(connection.shutdown(Shutdown::Both));
        }
    }

    pub(crate) fn revive(&mut self) {
        self.state.lock().stopped = false;
        *self = Self::on(self.address, self.state.clone());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.kill();
        }
    }
}

fn serve(connection: TcpStream, state: &Mutex<State>) {
    let tls = {
        let mut state = state.lock();
        state.connections.push(connection.try_clone().unwrap());
        state.tls.clone()
    };
    let socket = connection.try_clone().unwrap();
    let plan = match tls {
        None => respond(connection, state),
        Some(config) => {
            let session = rustls::ServerConnection::new(config).unwrap();
            respond(rustls::StreamOwned::new(session, connection), state)
        }
    };
    if !matches!(plan, Some(Plan::StallAfter(_))) {
        drop(socket.shutdown(Shutdown::Both));
    }
}

/// `None` when no request came.
fn respond(mut connection: impl Read + Write, state: &Mutex<State>) -> Option<Plan> {
    let request = read_request(&mut connection)?;
    let (plan, (head, body)) = {
        let mut state = state.lock();
        state
            .requests
            .push((request.path.clone(), request.range.clone()));
        state.authorizations.push(request.authorization.clone());
        let count = state.requests.len();
        if let Some((name, bytes)) = state.changes.remove(&count) {
            state.put(&name, bytes);
        }
        let plan = state.plans.pop_front().unwrap_or(Plan::Properly);
        (plan, answer(&state, &request, plan))
    };
    let sent = connection
        .write_all(head.as_bytes())
        .and_then(|()| send(&mut connection, &body, plan));
    // A client that has gone is what some tests are about.
    drop(sent.and_then(|()| connection.flush()));
    Some(plan)
}

#[expect(clippy::disallowed_methods, reason = "the server is to be slow")]
fn send(connection: &mut impl Write, body: &[u8], plan: Plan) -> std::io::Result<()> {
    if !matches!(plan, Plan::SlowlyCutAfter(_)) {
        return connection.write_all(body);
    }
    body.chunks(body.len().div_ceil(15).max(1))
        .try_for_each(|piece| {
            std::thread::sleep(Duration::from_millis(100));
            connection.write_all(piece)
        })
}
