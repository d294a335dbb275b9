//! The program under test, with a configuration of its own, and a client of its API.

use crate::server::free_port;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than any call of the store lasts.
const ANSWER: Duration = Duration::from_secs(30);

#[expect(
    clippy::disallowed_methods,
    reason = "the one place of these tests that starts programs"
)]
pub(crate) fn program(name: &str) -> Command {
    Command::new(name)
}

pub(crate) fn ferric() -> Command {
    program(env!("CARGO_BIN_EXE_ferric"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program has no other way to say that it is there"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

/// Asks until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
        pause();
    }
}

/// `ferric serve` in a state directory that stays when it ends.
pub(crate) struct Ferric {
    pub(crate) folder: TempDir,
    port: u16,
    machines: u16,
    child: Option<Child>,
    client: reqwest::blocking::Client,
}

impl Ferric {
    /// `store`: the line of the configuration file, or nothing.
    pub(crate) fn new(store: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, machines) = (free_port(), free_port());
        let state = folder.path().join("state");
        let text = format!(
            "state_dir = '{}'\n{store}\n[api]\nlisten = '127.0.0.1:{port}'\n\
             [provision]\nlisten = '127.0.0.1:{machines}'\n\
             [conductor]\nbeat_interval_s = 1\nbeat_timeout_s = 3\nbmc_call_timeout_s = 1\n\
             [agent]\nrequest_timeout_s = 1\n",
            state.display()
        );
        fs::write(folder.path().join("ferric.toml"), text).unwrap();
        ferric::tls::install_provider();
        let client = reqwest::blocking::Client::builder()
            .timeout(ANSWER)
            .build()
            .unwrap();
        Self {
            folder,
            port,
            machines,
            child: None,
            client,
        }
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn command(&self) -> Command {
        let mut command = ferric();
        command.arg("serve").arg("--config");
        command.arg(self.folder.path().join("ferric.toml"));
        command
    }

    /// Until it answers.
    pub(crate) fn start(&mut self) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        let errors = log.try_clone().unwrap();
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        self.child = Some(command.spawn().unwrap());
        until("the API", || {
            assert!(self.runs(), "ferric has ended:\n{}", self.log());
            (self.get("/v1/nodes").ok()?.0 == 200).then_some(())
        });
    }

    /// To its end, which is not far.
    pub(crate) fn run_to_its_end(&self) -> Output {
        self.command().output().unwrap()
    }

    pub(crate) fn runs(&mut self) -> bool {
        let child = self.child.as_mut().expect("it was started");
        child.try_wait().unwrap().is_none()
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        self.ended();
    }

    /// It ends by itself, and well.
    pub(crate) fn ended(&mut self) {
        let status = self.child.take().unwrap().wait().unwrap();
        assert!(status.success(), "{status}:\n{}", self.log());
    }

    pub(crate) fn crash(&mut self) {
        self.signal(Signal::SIGKILL);
        self.child.take().unwrap().wait().unwrap();
    }

    fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id();
        kill(Pid::from_raw(i32::try_from(id).unwrap()), signal).unwrap();
    }

    /// Status, `Retry-After` and body.
    pub(crate) fn get(&self, path: &str) -> reqwest::Result<(u16, Option<String>, Value)> {
        let request = self.client.get(self.address(path));
        answer(request)
    }

    pub(crate) fn post(
        &self,
        path: &str,
        body: &Value,
    ) -> reqwest::Result<(u16, Option<String>, Value)> {
        answer(self.client.post(self.address(path)).json(body))
    }

    pub(crate) fn put(
        &self,
        path: &str,
        body: &Value,
    ) -> reqwest::Result<(u16, Option<String>, Value)> {
        let request = self.client.put(self.address(path)).json(body);
        answer(request)
    }

    /// Events as they come: behind this one, or from now on.
    pub(crate) fn follow(&self, last: Option<u64>) -> Stream {
        let request = self.client.get(self.address("/ferric/v1/events"));
        let request = request
            .header("Accept", "text/event-stream")
            .timeout(PATIENCE);
        let request = match last {
            Some(last) => request.header("Last-Event-ID", last.to_string()),
            None => request,
        };
        let response = request.send().unwrap();
        assert_eq!(response.status().as_u16(), 200);
        Stream(BufReader::new(response).lines())
    }

    /// What a machine is answered: status and `Retry-After`.
    pub(crate) fn machine(&self, path: &str) -> (u16, Option<String>) {
        let address = format!("http://127.0.0.1:{}{path}", self.machines);
        let response = self.client.get(address).send().unwrap();
        (response.status().as_u16(), retry_after(&response))
    }

    /// Where its API is.
    pub(crate) fn url(&self) -> String {
        self.address("")
    }

    fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn enroll(&self, name: &str) {
        let node = json!({"driver": "fake-hardware", "name": name});
        let (status, _, body) = self.post("/v1/nodes", &node).unwrap();
        assert_eq!(status, 201, "{body}");
    }

    /// Sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let (status, _, body) = self.get("/v1/nodes").unwrap();
        assert_eq!(status, 200, "{body}");
        let nodes = body["nodes"].as_array().unwrap().iter();
        let mut names: Vec<String> = nodes
            .map(|node| node["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }
}

/// A stream of events.
pub(crate) struct Stream(Lines<BufReader<reqwest::blocking::Response>>);

impl Stream {
    /// Those that are stored, with their numbers, up to the first one that fits.
    pub(crate) fn until(&mut self, fits: impl Fn(&Value) -> bool) -> Vec<(u64, Value)> {
        let (mut told, mut id) = (Vec::new(), None::<u64>);
        for line in self.0.by_ref() {
            let line = line.unwrap();
            if let Some(number) = line.strip_prefix("id:") {
                id = Some(number.trim().parse().unwrap());
            }
            let Some(event) = line.strip_prefix("data:") else {
                continue;
            };
            let event: Value = serde_json::from_str(event).unwrap();
            let Some(id) = id.take() else { continue };
            let is_last = fits(&event);
            told.push((id, event));
            if is_last {
                return told;
            }
        }
        panic!("the stream ended after {told:?}");
    }
}

fn answer(
    request: reqwest::blocking::RequestBuilder,
) -> reqwest::Result<(u16, Option<String>, Value)> {
    let response = request
        .header("X-OpenStack-Ironic-API-Version", "1.80")
        .send()?;
    let retry = retry_after(&response);
    let (status, text) = (response.status().as_u16(), response.text()?);
    // An accepted request has no body.
    let body = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    };
    Ok((status, retry, body))
}

fn retry_after(response: &reqwest::blocking::Response) -> Option<String> {
    let header = response.headers().get("retry-after");
    header.map(|value| value.to_str().unwrap().to_owned())
}

impl Drop for Ferric {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Runs `ferric store copy`.
pub(crate) fn copy(from: &Path, to: &Path, more: &[&str]) -> Output {
    let mut command = ferric();
    command.args(["store", "copy", "--from"]).arg(from);
    command.arg("--to").arg(to).args(more);
    command.output().unwrap()
}
