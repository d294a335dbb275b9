//! `ferric events` and `ferric node timeline`: what happened, and with `--follow` what happens; and the line that an event
//! is shown as.

use super::client::Client;
use super::output::{line, progress};
use super::stream;
use serde_json::Value;
use std::ops::ControlFlow;

/// Of what there is to see.
#[derive(Debug, clap::Args)]
pub(super) struct View {
    /// Go on with what happens.
    #[arg(long)]
    follow: bool,
    /// Only these kinds: `--kind state_changed,step_failed`.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    kind: Vec<String>,
    /// Behind the event with this number.
    #[arg(long, value_name = "SEQUENCE")]
    after: Option<u64>,
    /// Each event as a line of JSON.
    #[arg(long)]
    json: bool,
}

/// What happened on all nodes.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Where the API is.
    #[arg(long, env = "FERRIC_URL", default_value = "http://127.0.0.1:6385")]
    url: String,
    /// Of this node only.
    #[arg(long)]
    node: Option<String>,
    #[command(flatten)]
    view: View,
}

pub(super) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.url)?;
    let path = match &arguments.node {
        Some(node) => format!("/ferric/v1/events?node={}&", encoded(node)),
        None => "/ferric/v1/events?".to_owned(),
    };
    let view = &arguments.view;
    // What is to be followed begins now unless it is said where.
    let begins = match (view.follow, view.after) {
        (true, None) => Begins::Now,
        (_, after) => Begins::Behind(after.unwrap_or(0)),
    };
    show(&client, &path, view, begins, print_with_node).await
}

/// The timeline of a node, from its first event that is kept.
pub(super) async fn of_node(client: &Client, node: &str, view: &View) -> anyhow::Result<()> {
    let path = format!("/ferric/v1/nodes/{node}/timeline?");
    let begins = Begins::Behind(view.after.unwrap_or(0));
    show(client, &path, view, begins, print).await
}

#[derive(Clone, Copy)]
enum Begins {
    Behind(u64),
    Now,
}

async fn show(
    client: &Client,
    path: &str,
    view: &View,
    begins: Begins,
    print: fn(&Value),
) -> anyhow::Result<()> {
    let kinds: Vec<_> = view.kind.iter().map(|kind| encoded(kind)).collect();
    let path = format!("{path}kind={}", kinds.join(","));
    let print = if view.json { print_json } else { print };
    let after = match begins {
        Begins::Now => None,
        Begins::Behind(after) => Some(list(client, &path, after, print).await?),
    };
    if !view.follow {
        return Ok(());
    }
    stream::each(client, &path, after, |event| {
        print(event);
        Ok(ControlFlow::Continue(()))
    })
    .await
}

/// Everything that there is, page by page; the number behind which more will come.
async fn list(
    client: &Client,
    path: &str,
    mut after: u64,
    print: fn(&Value),
) -> anyhow::Result<u64> {
    loop {
        let page = client.get(&format!("{path}&after={after}")).await?;
        page["events"]
            .as_array()
            .into_iter()
            .flatten()
            .for_each(print);
        match page["next"].as_u64() {
            Some(next) if next > after => after = next,
            _ => return Ok(after),
        }
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn print_json(event: &Value) {
    line(&event.to_string());
}

fn print_with_node(event: &Value) {
    let node = event["node"].as_str().unwrap_or("-");
    let at = event["at"].as_str().unwrap_or_default();
    let time = at.get(11..19).unwrap_or(at);
    let text = match event["event"].as_str() {
        Some("progress") => transfer(event),
        _ => describe(event),
    };
    line(&format!("{time}  {node}  {text}"));
}

/// As one line, with the time of the day. A transfer overwrites its last line on a terminal.
pub(super) fn print(event: &Value) {
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
        "agent_log" => agent_log(event),
        "lookup" => format!("the agent says hello from {}", text("address")),
        "heartbeat" => "heartbeat".to_owned(),
        "inspected" => format!("inspected: {}", text("summary")),
        "bmc_error" => format!("BMC: {}", text("error")),
        "resumed" => format!("resumed: {}", text("detail")),
        "note" => text("text"),
        other => other.to_owned(),
    }
}

/// Each line below the event's own, as the agent has logged it.
fn agent_log(event: &Value) -> String {
    let mut shown = match event["lost"].as_u64() {
        None | Some(0) => "the agent's log:".to_owned(),
        Some(lost) => format!("the agent's log, {lost} lines of which are lost:"),
    };
    let lines = event["lines"].as_array().into_iter().flatten();
    for text in lines.filter_map(Value::as_str) {
        shown.push_str("\n    ");
        shown.extend(text.chars().filter(|letter| !letter.is_control()));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_agents_log_is_shown_line_by_line() {
        let event = json!({"event": "agent_log", "lines": ["a\u{1b}[2J", "b"], "lost": 0});
        assert_eq!(describe(&event), "the agent's log:\n    a[2J\n    b");
        let event = json!({"event": "agent_log", "lines": ["c"], "lost": 7});
        let shown = "the agent's log, 7 lines of which are lost:\n    c";
        assert_eq!(describe(&event), shown);
    }

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
}
