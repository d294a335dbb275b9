//! What the tests of image writing share: an HTTP server that can misbehave, and disks in files.
//!
//! The server is written on plain sockets, because it must cut connections at exact bytes and die in the middle.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use ferric_agent_protocol::image::ImageInfo;
use parking_lot::Mutex;

use super::ImageError;
use super::checksum::{Md5Policy, to_hex};
use super::client::HttpSettings;
use super::source::Patience;
use super::stop::Stop;
use super::write::{WriteImageRequest, WrittenImage, write_image};
use super::zeroes::is_zero;
use crate::host::Host;
use crate::progress::Progress;
use crate::tls::{Certificate, server_config};

pub(crate) fn settings() -> HttpSettings {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    HttpSettings {
        tls,
        timeout: Duration::from_secs(5),
        basic_auth: None,
    }
}

/// Quick, so that a test of giving up is one too.
pub(crate) fn patience() -> Patience {
    Patience {
        give_up_after: Duration::from_secs(5),
        first_pause: Duration::from_millis(10),
        longest_pause: Duration::from_millis(100),
    }
}

/// How the next request is answered; without a plan as it should be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    Properly,
    Status(u16),
    /// The connection is closed after so many bytes of the body.
    CutAfter(usize),
    /// Nothing more comes after so many bytes of the body, but the connection stays.
    StallAfter(usize),
}

#[derive(Default)]
struct State {
    files: HashMap<String, Arc<Vec<u8>>>,
    plans: VecDeque<Plan>,
    /// Path and range of each request.
    requests: Vec<(String, Option<String>)>,
    authorizations: Vec<Option<String>>,
    connections: Vec<TcpStream>,
    /// What open-ended requests get, in place of the file.
    streams: HashMap<String, Arc<Vec<u8>>>,
    no_ranges: bool,
    no_length: bool,
    etag: Option<String>,
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
        self.state.lock().tls = Some(server_config(certificate, "1.2", &[]).unwrap());
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

struct Request {
    path: String,
    range: Option<String>,
    if_range: Option<String>,
    authorization: Option<String>,
}

fn read_request(connection: &mut impl Read) -> Option<Request> {
    let mut lines = BufReader::new(connection).lines();
    let path = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    let mut request = Request {
        path,
        range: None,
        if_range: None,
        authorization: None,
    };
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(": ") else {
            break;
        };
        let field = match name.to_ascii_lowercase().as_str() {
            "range" => &mut request.range,
            "if-range" => &mut request.if_range,
            "authorization" => &mut request.authorization,
            _ => continue,
        };
        *field = Some(value.to_owned());
    }
    Some(request)
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
        .and_then(|()| connection.write_all(&body));
    // A client that has gone is what some tests are about.
    drop(sent.and_then(|()| connection.flush()));
    Some(plan)
}

fn answer(state: &State, request: &Request, plan: Plan) -> (String, Vec<u8>) {
    let status = |code: u16| {
        (
            format!("HTTP/1.1 {code} Planned\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
            Vec::new(),
        )
    };
    if let Plan::Status(code) = plan {
        return status(code);
    }
    let is_stream = request
        .range
        .as_ref()
        .is_none_or(|range| range.ends_with('-'));
    let file = state.streams.get(&request.path).filter(|_| is_stream);
    let Some(file) = file.or_else(|| state.files.get(&request.path)) else {
        return status(404);
    };
    let etag = state.etag.clone().unwrap_or_default();
    let is_current = request
        .if_range
        .as_ref()
        .is_none_or(|wanted| *wanted == etag);
    let range = request
        .range
        .as_deref()
        .filter(|_| !state.no_ranges && is_current)
        .and_then(parse_range);
    let mut head = String::new();
    let mut body = match range {
        Some((first, _)) if first >= file.len() => return status(416),
        Some((first, last)) => {
            let end = last.map_or(file.len(), |last| (last + 1).min(file.len()));
            head += &format!(
                "HTTP/1.1 206 Partial\r\nContent-Range: bytes {first}-{}/{}\r\n",
                end - 1,
                file.len()
            );
            file[first..end].to_vec()
        }
        None => {
            head += "HTTP/1.1 200 OK\r\n";
            file.to_vec()
        }
    };
    if !state.no_length {
        head += &format!("Content-Length: {}\r\n", body.len());
    }
    head += &format!("ETag: {etag}\r\nConnection: close\r\n\r\n");
    if let Plan::CutAfter(bytes) | Plan::StallAfter(bytes) = plan {
        body.truncate(bytes);
    }
    (head, body)
}

fn parse_range(range: &str) -> Option<(usize, Option<usize>)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()))
}

/// A disk in a file, full of what an earlier user left.
pub(crate) struct FileDisk {
    pub(crate) file: tempfile::NamedTempFile,
    pub(crate) host: Host,
}

impl FileDisk {
    pub(crate) fn new(bytes: u64) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        let garbage = garbage(usize::try_from(bytes).unwrap());
        file.as_file().write_all_at(&garbage, 0).unwrap();
        let host = Host::detect(&[file.path().to_owned()]).unwrap();
        Self { file, host }
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path()).unwrap()
    }

    /// Neither end holds anything that could be taken for a partition table.
    pub(crate) fn assert_has_no_table(&self) {
        let bytes = self.bytes();
        assert!(is_zero(&bytes[..1 << 20]), "the first MiB is not empty");
        assert!(
            is_zero(&bytes[bytes.len() - (1 << 20)..]),
            "the last MiB is not empty"
        );
    }

    pub(crate) fn write(&self, info: &ImageInfo) -> Result<WrittenImage, ImageError> {
        self.write_with(info, &Progress::default(), Stop::default())
    }

    pub(crate) fn write_with(
        &self,
        info: &ImageInfo,
        progress: &Progress,
        stop: Stop,
    ) -> Result<WrittenImage, ImageError> {
        let request = WriteImageRequest {
            image_info: info,
            device: self.path(),
            http: &settings(),
            md5: Md5Policy::Refuse,
            patience: patience(),
            stop,
        };
        write_image(&self.host, &request, progress)
    }
}

/// Bytes without a pattern that a bug could hide in: the same at every run. The length of what is repeated has no
/// common factor with any block size.
pub(crate) fn garbage(length: usize) -> Vec<u8> {
    static POOL: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let words = std::iter::from_fn(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Some(state.to_le_bytes())
        });
        words.flatten().take((3 << 20) + 11).collect()
    });
    let mut bytes = Vec::with_capacity(length + POOL.len());
    while bytes.len() < length {
        bytes.extend_from_slice(&POOL);
    }
    bytes.truncate(length);
    bytes
}

/// A disk image with one partition, some data and long runs of zeroes.
pub(crate) fn bootable_image(mib: usize) -> Vec<u8> {
    let mut image = vec![0; mib << 20];
    let data = garbage(3 << 20);
    image[1 << 20..4 << 20].copy_from_slice(&data);
    let middle = (mib << 20) / 2 + 12345;
    image[middle..middle + 100_000].copy_from_slice(&data[..100_000]);
    let end = image.len();
    image[end - 600_000..end - 100_000].copy_from_slice(&data[..500_000]);
    // An MBR with the id 0x1234abcd and one Linux partition.
    image[440..444].copy_from_slice(&0x1234_abcd_u32.to_le_bytes());
    image[446..462].copy_from_slice(&[0x80, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 8, 0, 0]);
    image[510..512].copy_from_slice(&[0x55, 0xaa]);
    image
}

/// `image_info` for a file on the server, with its true SHA-256.
pub(crate) fn image_info(server: &Server, name: &str, file: &[u8], format: &str) -> ImageInfo {
    ImageInfo {
        id: name.to_owned(),
        urls: vec![server.url(name)],
        disk_format: Some(format.to_owned()),
        os_hash_algo: Some("sha256".to_owned()),
        os_hash_value: Some(to_hex(digest(&SHA256, file).as_ref())),
        ..ImageInfo::default()
    }
}
