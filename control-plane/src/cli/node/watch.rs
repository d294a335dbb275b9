//! `ferric node watch`: the node's timeline as it grows, with bytes, rate and remaining time.

use super::super::client::{Client, ClientError};
use super::super::output::{line, progress};
use anyhow::bail;
use futures_util::{Stream, StreamExt};
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// A conductor that is started anew may take so long to answer again.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);
/// The server sends a sign of life every 15 s; without any the connection is dead, whatever TCP believes.
const SILENCE: Duration = Duration::from_secs(45);

#[derive(Debug, clap::Args)]
pub(super) struct Watch {
    node: String,
    /// End when the node is in this provision state; fail when it is in a failed one.
    #[arg(long, value_name = "STATE")]
    until: Option<String>,
    /// Start with what happened long ago instead of now.
    #[arg(long)]
    all: bool,
}

impl Watch {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<()> {
        // Before the state, so that no change of it falls in between.
        let last = last_event(client, &self.node).await?;
        let states = client
            .get(&format!("/v1/nodes/{}/states", self.node))
            .await?;
        if is_there(&states, self.until.as_deref())? {
            return Ok(());
        }
        let after = if self.all { 0 } else { last };
        follow(client, &self.node, after, self.until.as_deref()).await
    }
}

/// Whether nothing has to be waited for. A node that has failed before gets nowhere by itself.
fn is_there(states: &Value, goal: Option<&str>) -> anyhow::Result<bool> {
    let Some(goal) = goal else {
        return Ok(false);
    };
    let state = states["provision_state"].as_str().unwrap_or_default();
    if state != goal && has_failed(state) {
        bail!(
            "the node is in {state}: {}",
            states["last_error"].as_str().unwrap_or("no cause is known")
        );
    }
    Ok(state == goal)
}

fn has_failed(state: &str) -> bool {
    state.ends_with("failed") || state == "error"
}

/// The sequence number of the newest event, 0 when there is none.
pub(super) async fn last_event(client: &Client, node: &str) -> anyhow::Result<u64> {
    let mut last = 0;
    loop {
        let page = client
            .get(&format!(
                "/ferric/v1/nodes/{node}/timeline?after={last}&limit=1000"
            ))
            .await?;
        match page["events"]
            .as_array()
            .and_then(|events| events.last())
            .and_then(|event| event["sequence"].as_u64())
        {
            Some(sequence) => last = sequence,
            None => return Ok(last),
        }
    }
}

/// Prints what happens after the event `after`, until the node is in `goal`. A stream that ends is taken up again.
pub(super) async fn follow(
    client: &Client,
    node: &str,
    mut after: u64,
    goal: Option<&str>,
) -> anyhow::Result<()> {
    loop {
        let answer = open(client, node, after).await?;
        let mut chunks = answer.bytes_stream();
        let mut buffer = Vec::new();
        while let Some(Ok(chunk)) = next(&mut chunks).await {
            buffer.extend_from_slice(&chunk);
            while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
                let message: Vec<u8> = buffer.drain(..end + 2).collect();
                let Some(event) = event_of(&String::from_utf8_lossy(&message)) else {
                    continue;
                };
                after = event["sequence"].as_u64().unwrap_or(after);
                print(&event);
                if reached(&event, goal)? {
                    return Ok(());
                }
            }
        }
        sleep(PAUSE).await;
    }
}

/// The node's timeline behind the event `after`. Goes on asking for a while where nobody answers: the conductor may just
/// be started anew.
async fn open(client: &Client, node: &str, after: u64) -> anyhow::Result<reqwest::Response> {
    let path = format!("/ferric/v1/nodes/{node}/timeline?after={after}");
    let began = Instant::now();
    let mut told = false;
    loop {
        match client.stream(&path).await {
            Err(
                error @ (ClientError::Unreachable { .. }
                | ClientError::Silent { .. }
                | ClientError::Busy { .. }),
            ) if began.elapsed() < PATIENCE => {
                if !told {
                    line(&format!(
                        "{error}; asking again for {} s",
                        PATIENCE.as_secs()
                    ));
                    told = true;
                }
                sleep(PAUSE).await;
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// The next piece of the stream; `None` at its end, also when that is only known by a long silence.
async fn next<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> Option<T> {
    timeout(SILENCE, stream.next()).await.ok().flatten()
}

/// The JSON in the `data:` lines of one server-sent event; comments and heartbeats have none.
fn event_of(message: &str) -> Option<Value> {
    let data: Vec<&str> = message
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .collect();
    serde_json::from_str(&data.join("\n")).ok()
}

fn reached(event: &Value, goal: Option<&str>) -> anyhow::Result<bool> {
    let (Some(goal), Some("state_changed")) = (goal, event["event"].as_str()) else {
        return Ok(false);
    };
    let state = event["to"].as_str().unwrap_or_default();
    // A failed verify ends in `enroll`, a failed undeploy in `error`.
    if state != goal && (has_failed(state) || state == "enroll") {
        bail!(
            "the node is in {state}: {}",
            event["error"].as_str().unwrap_or("no cause is known")
        );
    }
    Ok(state == goal)
}

fn print(event: &Value) {
    let at = event["at"].as_str().unwrap_or_default();
    let time = at.get(11..19).unwrap_or(at);
    match event["event"].as_str() {
        // One every few minutes, which say nothing new; the first one is stored and shown.
        Some("heartbeat") if event["live"] == true => {}
        Some("progress") => progress(&format!("{time}  {}", transfer(event))),
        Some(_) => line(&format!("{time}  {}", describe(event))),
        None => {}
    }
}

/// `writing 120 of 310 MiB, 38 MiB/s, 5 s left`
fn transfer(event: &Value) -> String {
    const MIB: u64 = 1 << 20;
    let number = |key: &str| event[key].as_u64();
    let done = number("bytes_done").unwrap_or(0);
    let rate = number("bytes_per_second").unwrap_or(0);
    let phase = event["phase"].as_str().unwrap_or("writing");
    match number("bytes_total") {
        Some(total) => {
            let left = match (total.saturating_sub(done)).checked_div(rate) {
                // Of the first bytes no rate can be told.
                Some(seconds) if done >= MIB => format!("{seconds} s left"),
                _ => "waiting".to_owned(),
            };
            format!(
                "{phase} {} of {} MiB, {} MiB/s, {left}",
                done / MIB,
                total / MIB,
                rate / MIB
            )
        }
        None => format!("{phase} {} MiB, {} MiB/s", done / MIB, rate / MIB),
    }
}

fn describe(event: &Value) -> String {
    let text = |key: &str| event[key].as_str().unwrap_or("-").to_owned();
    let step = || {
        format!(
            "{}.{}",
            event["step"]["interface"].as_str().unwrap_or("-"),
            event["step"]["step"].as_str().unwrap_or("-")
        )
    };
    match text("event").as_str() {
        "state_changed" => match event["error"].as_str() {
            Some(error) => format!("{} -> {}: {error}", text("from"), text("to")),
            None => format!("{} -> {}", text("from"), text("to")),
        },
        "power_changed" => format!("power: {} -> {}", text("from"), text("to")),
        "step_started" => format!("step {} started", step()),
        "step_done" => match event["detail"].as_str() {
            Some(detail) => format!("step {} done: {detail}", step()),
            None => format!("step {} done", step()),
        },
        "step_failed" => format!("step {} failed: {}", step(), text("error")),
        "boot_request" => format!("the machine asks for {}", text("what")),
        "lookup" => format!("the agent says hello from {}", text("address")),
        "heartbeat" => "heartbeat".to_owned(),
        "inspected" => format!("inspected: {}", text("summary")),
        "bmc_error" => format!("BMC: {}", text("error")),
        "resumed" => format!("resumed: {}", text("detail")),
        "note" => text("text"),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn transfers() {
        let event = json!({ "bytes_done": 120 << 20, "bytes_total": 320 << 20, "bytes_per_second": 40 << 20, "phase": "writing" });
        assert_eq!(
            transfer(&event),
            "writing 120 of 320 MiB, 40 MiB/s, 5 s left"
        );
        let first =
            json!({ "bytes_done": 4096, "bytes_total": 320 << 20, "bytes_per_second": 4096 });
        assert_eq!(transfer(&first), "writing 0 of 320 MiB, 0 MiB/s, waiting");
        assert_eq!(
            transfer(&json!({ "bytes_done": 0, "bytes_total": 1 << 20 })),
            "writing 0 of 1 MiB, 0 MiB/s, waiting"
        );
    }

    #[test]
    fn goals() {
        let to =
            |state: &str| json!({ "event": "state_changed", "to": state, "error": "no disk fits" });
        assert!(reached(&to("active"), Some("active")).unwrap());
        assert!(!reached(&to("deploying"), Some("active")).unwrap());
        assert!(
            reached(&to("deploy failed"), Some("active"))
                .unwrap_err()
                .to_string()
                .contains("no disk fits")
        );
        assert!(!reached(&to("active"), None).unwrap());
    }

    #[test]
    fn a_node_that_has_failed_is_not_waited_for() {
        let states =
            |state: &str| json!({ "provision_state": state, "last_error": "no disk fits" });
        let outcome = is_there(&states("deploy failed"), Some("active"));
        let error = outcome.unwrap_err().to_string();
        assert_eq!(error, "the node is in deploy failed: no disk fits");
        assert!(is_there(&states("error"), Some("available")).is_err());
        assert!(is_there(&states("deploy failed"), Some("deploy failed")).unwrap());
        assert!(is_there(&states("active"), Some("active")).unwrap());
        assert!(!is_there(&states("enroll"), Some("manageable")).unwrap());
        assert!(!is_there(&states("deploy failed"), None).unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_ends() {
        let began = Instant::now();
        let mut silent = futures_util::stream::pending::<u8>();
        assert_eq!(next(&mut silent).await, None);
        assert!(began.elapsed() > Duration::from_secs(15), "keep-alives");
        let mut speaking = futures_util::stream::iter([7]);
        assert_eq!(next(&mut speaking).await, Some(7));
    }

    #[test]
    fn events_in_a_stream() {
        assert_eq!(
            event_of("id: 3\ndata: {\"sequence\": 3}\n\n"),
            Some(json!({ "sequence": 3 }))
        );
        assert_eq!(event_of(": keep-alive\n\n"), None);
    }
}
