//! The agent as a process, and its command API as a conductor uses it: over TLS, trusting what the heartbeat said.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::conductor::{Asked, Conductor, TOKEN};

/// Where an agent keeps its state and its settings; outlives the process.
pub(crate) struct Place(TempDir);

/// The process; dropping it kills it.
pub(crate) struct Agent {
    child: Child,
    log: PathBuf,
}

/// The command API, seen from the conductor.
pub(crate) struct Api {
    pub(crate) url: String,
    client: reqwest::Client,
}

/// An answer: status and body.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.path().join("conf")).unwrap();
        place.cmdline("");
        place
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Sets the kernel command line.
    pub(crate) fn cmdline(&self, text: &str) {
        std::fs::write(self.path().join("cmdline"), text).unwrap();
    }

    pub(crate) fn start(&self, conductor: &Conductor, arguments: &[&str]) -> Agent {
        self.start_at(&conductor.url, arguments)
    }

    pub(crate) fn start_at(&self, api_url: &str, arguments: &[&str]) -> Agent {
        self.start_with(&[&["--api-url", api_url][..], arguments].concat())
    }

    /// Starts an agent that knows no API but by these arguments and the kernel command line.
    pub(crate) fn start_with(&self, arguments: &[&str]) -> Agent {
        self.start_listening("127.0.0.1:0", arguments)
    }

    /// The same, with its command API at this address.
    pub(crate) fn start_listening(&self, listen: &str, arguments: &[&str]) -> Agent {
        let path = |name: &str| self.path().join(name).display().to_string();
        let log = self.path().join("log");
        let output = std::fs::File::options()
            .append(true)
            .create(true)
            .open(&log)
            .unwrap();
        let child = command()
            .args(["--listen", listen])
            .args(["--cmdline", &path("cmdline"), "--config-dir", &path("conf")])
            .args(["--state", &path("state")])
            .args(arguments)
            .env("FERRIC_LOG", "debug")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .spawn()
            .unwrap();
        Agent { child, log }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the harness starts the program under test"
)]
fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_ferric-agent"))
}

impl Agent {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) async fn until_logged(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.log().contains(text) {
            assert!(
                Instant::now() < deadline,
                "{text:?} was not logged:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Kills it as a crash would.
    pub(crate) fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn end(mut self) -> ExitStatus {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        kill(pid, Signal::SIGTERM).unwrap();
        self.wait().await
    }

    pub(crate) async fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "the agent did not end:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Api {
    /// As the conductor knows it after a heartbeat.
    pub(crate) fn of(heartbeat: &Asked) -> Self {
        // To an old server the agent has no certificate, and its address is one of HTTP.
        let pem = heartbeat.body["agent_verify_ca"].as_str();
        let certificate = pem.map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
        ferric_agent::tls::install_provider();
        let client = reqwest::Client::builder()
            .tls_certs_only(certificate)
            .tls_version_min(reqwest::tls::Version::TLS_1_3)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        let url = heartbeat.body["callback_url"].as_str().unwrap().to_owned();
        Self { url, client }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// Posts a body as it is.
    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        send(self.request(Method::POST, path).body(body.to_owned())).await
    }

    /// Sends a command with the token.
    pub(crate) async fn command(&self, name: &str, params: Value) -> Answer {
        let path = format!("/v1/commands/?agent_token={TOKEN}&wait=false");
        self.post(&path, &json!({"name": name, "params": params}).to_string())
            .await
    }

    /// Sends a command and waits for its end.
    pub(crate) async fn finished(&self, name: &str, params: Value) -> Value {
        let answer = self.command(name, params).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let id = answer.body["id"].as_str().unwrap();
        let path = format!("/v1/commands/{id}?agent_token={TOKEN}&wait=true");
        self.get(&path).await.body
    }

    pub(crate) async fn commands(&self) -> Vec<Value> {
        let answer = self
            .get(&format!("/v1/commands/?agent_token={TOKEN}"))
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["commands"].as_array().unwrap().clone()
    }
}

pub(crate) async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, body }
}

/// An agent that has found its node and beats.
pub(crate) async fn serving() -> (Conductor, Place, Agent, Api) {
    let conductor = Conductor::start().await;
    let place = Place::new();
    let agent = place.start(&conductor, &[]);
    let api = Api::of(&conductor.heartbeat(1).await);
    (conductor, place, agent, api)
}
