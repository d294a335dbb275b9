//! `ferric bulk`: sends a bulk request, follows it, shows and cancels it.
//!
//! A request gets its id here, so that sending it again after a broken connection does nothing twice.

use super::client::{Client, ClientError};
use super::output::{line, progress};
use reqwest::Method;
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const PATH: &str = "/ferric/v1/bulk";
const PAUSE: Duration = Duration::from_secs(1);
/// Attempts at sending one request; the last one's failure is told.
const ATTEMPTS: u32 = 3;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where the API is.
    #[arg(
        long,
        env = "FERRIC_URL",
        default_value = "http://127.0.0.1:6385",
        global = true
    )]
    url: String,
    /// The answer of the API, as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Send the request in a file: `action`, `nodes` and `defaults`.
    Send(Sending),
    /// How far it is, and what became of each node.
    Show {
        id: Uuid,
        /// Only nodes that are queued, running, done, failed or cancelled.
        #[arg(long)]
        state: Option<String>,
    },
    /// All requests that are kept, the newest first.
    List,
    /// Have nothing begun any more that has not begun.
    Cancel { id: Uuid },
}

#[derive(Debug, clap::Args)]
struct Sending {
    /// A JSON document; `-` is standard input.
    file: PathBuf,
    /// The id of a request that was sent before and is sent again.
    #[arg(long)]
    id: Option<Uuid>,
    /// Wait until every node has been done, or has failed.
    #[arg(long)]
    wait: bool,
    /// For how many seconds at most.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 3600,
        requires = "wait"
    )]
    timeout: u64,
}

/// Some of the nodes have failed.
#[derive(Debug, thiserror::Error)]
#[error("{failed} of {all} nodes failed")]
pub(super) struct SomeFailed {
    failed: u64,
    all: u64,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.url)?;
    let as_json = arguments.json;
    match arguments.command {
        Command::Send(send) => self::send(&client, send, as_json).await,
        Command::Show { id, state } => {
            let shown = whole(&client, id, state.as_deref()).await?;
            print(&shown, as_json, lines)
        }
        Command::List => list(&client, as_json).await,
        Command::Cancel { id } => {
            let path = format!("{PATH}/{id}/cancel");
            let answer = client.send(Method::POST, &path, None).await?;
            print(&answer, as_json, |answer| {
                let cancelled = number(&answer["cancelled"]);
                vec![format!("{cancelled} nodes will not be begun with")]
            })
        }
    }
}

async fn send(client: &Client, send: Sending, as_json: bool) -> anyhow::Result<()> {
    let id = send.id.unwrap_or_else(Uuid::new_v4);
    let mut body = read(&send.file)?;
    // What there is room for at once is done at once.
    body["wait_s"] = json!(0);
    body["id"] = json!(id);
    let limit = Duration::from_secs(send.timeout);
    post(client, &body).await?;
    if !as_json {
        line(&format!("bulk request {id} is accepted"));
    }
    if send.wait {
        ended(client, id, limit, as_json).await?;
    }
    let shown = whole(client, id, None).await?;
    print(&shown, as_json, lines)?;
    let failed = number(&shown["failed"]);
    match failed {
        0 => Ok(()),
        failed => Err(SomeFailed {
            failed,
            all: number(&shown["nodes"]),
        }
        .into()),
    }
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let text = if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        text
    } else {
        std::fs::read_to_string(file)
            .map_err(|error| anyhow::anyhow!("reading {}: {error}", file.display()))?
    };
    let body: Value = serde_json::from_str(&text)
        .map_err(|error| anyhow::anyhow!("{} is no JSON document: {error}", file.display()))?;
    anyhow::ensure!(
        body.is_object(),
        "{} must hold an object with action, nodes and defaults",
        file.display()
    );
    Ok(body)
}

/// Sent again when no answer came: it has an id, by which it is known.
async fn post(client: &Client, body: &Value) -> Result<Value, ClientError> {
    let mut attempt = 1;
    loop {
        let answer = client
            .send(Method::POST, "/ferric/v1/nodes/bulk", Some(body))
            .await;
        match answer {
            Err(ClientError::Unreachable { .. } | ClientError::Answer { .. })
                if attempt < ATTEMPTS =>
            {
                attempt += 1;
                sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// Waits until nothing is queued or running.
async fn ended(client: &Client, id: Uuid, limit: Duration, quiet: bool) -> Result<(), ClientError> {
    let began = Instant::now();
    loop {
        let shown = client.get(&format!("{PATH}/{id}?limit=1")).await?;
        let counts = &shown["counts"];
        if !quiet {
            progress(&said(counts));
        }
        if number(&counts["queued"]) + number(&counts["running"]) == 0 {
            return Ok(());
        }
        if began.elapsed() >= limit {
            let message =
                format!("bulk request {id} goes on: `ferric bulk show {id}` says how far it is");
            return Err(ClientError::Busy {
                message,
                retry_after: None,
            });
        }
        sleep(PAUSE).await;
    }
}

/// The request with all its nodes, whatever number that is.
async fn whole(client: &Client, id: Uuid, state: Option<&str>) -> Result<Value, ClientError> {
    let state = state.map_or_else(String::new, |state| format!("state={state}&"));
    let mut shown = client.get(&format!("{PATH}/{id}?{state}")).await?;
    while let Some(after) = shown["next"].as_u64() {
        let mut next = client
            .get(&format!("{PATH}/{id}?{state}after={after}"))
            .await?;
        shown["next"] = next["next"].take();
        if let (Some(all), Some(more)) = (
            shown["results"].as_array_mut(),
            next["results"].as_array_mut(),
        ) {
            all.append(more);
        }
    }
    Ok(shown)
}

async fn list(client: &Client, as_json: bool) -> anyhow::Result<()> {
    let shown = client.get(PATH).await?;
    print(&shown, as_json, |shown| {
        let requests = shown["requests"].as_array().into_iter().flatten();
        let requests = requests.map(|request| {
            let text = |key: &str| request[key].as_str().unwrap_or("-").to_owned();
            let open = match request["open"].as_bool() {
                Some(true) => "  not all begun",
                _ => "",
            };
            let nodes = number(&request["nodes"]);
            let (id, at, action) = (text("id"), text("created_at"), text("action"));
            format!("{id}  {at}  {action:<9}  {nodes} nodes{open}")
        });
        requests.collect()
    })
}

fn print(shown: &Value, as_json: bool, lines: fn(&Value) -> Vec<String>) -> anyhow::Result<()> {
    if as_json {
        line(&serde_json::to_string_pretty(shown)?);
        return Ok(());
    }
    for text in lines(shown) {
        line(&text);
    }
    Ok(())
}

/// A line for each node, and how many there are.
fn lines(shown: &Value) -> Vec<String> {
    let results = shown["results"].as_array().into_iter().flatten();
    let mut lines: Vec<String> = results.map(result).collect();
    lines.push(said(&shown["counts"]));
    lines
}

fn result(result: &Value) -> String {
    let node = match &result["node"] {
        Value::String(node) => node.clone(),
        other => other.to_string(),
    };
    let state = result["state"].as_str().unwrap_or("-");
    match super::client::fault(&result.to_string()) {
        Some(fault) if result.get("error_message").is_some() => {
            format!("{node:<36}  {state}: {fault}")
        }
        _ => format!("{node:<36}  {state}"),
    }
}

/// `3 queued, 2 running, 40 done`
fn said(counts: &Value) -> String {
    let states = ["queued", "running", "done", "failed", "cancelled"];
    let said = states
        .iter()
        .filter_map(|state| match number(&counts[*state]) {
            0 => None,
            count => Some(format!("{count} {state}")),
        });
    said.collect::<Vec<_>>().join(", ")
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_node_and_the_counts() {
        let fault = json!({"faultstring": "Node b could not be found."}).to_string();
        let shown = json!({
            "counts": {"queued": 1, "running": 0, "done": 0, "failed": 1, "cancelled": 0},
            "results": [
                {"node": "a", "state": "queued", "status": 202},
                {"node": "b", "state": "failed", "status": 404, "error_message": fault},
                {"node": null, "state": "failed", "status": 400, "error_message": fault},
            ],
        });
        let lines = lines(&shown);
        assert_eq!(
            lines[0].split_whitespace().collect::<Vec<_>>(),
            ["a", "queued"]
        );
        assert!(
            lines[1].ends_with("failed: Node b could not be found."),
            "{lines:?}"
        );
        assert!(lines[2].starts_with("null "), "{lines:?}");
        assert_eq!(lines[3], "1 queued, 1 failed");
    }
}
