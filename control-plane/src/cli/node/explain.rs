//! `ferric node explain`: why a node is where it is, in words.

use super::super::client::Client;
use super::super::output::line;
use serde_json::Value;

#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    node: String,
    /// All of it as JSON.
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<()> {
        let path = format!("/ferric/v1/nodes/{}/explain", self.node);
        let explanation = client.get(&path).await?;
        if self.json {
            line(&serde_json::to_string_pretty(&explanation)?);
            return Ok(());
        }
        for text in lines(&explanation, &self.node) {
            line(&text);
        }
        Ok(())
    }
}

/// A paragraph for each part that there is.
fn lines(explanation: &Value, node: &str) -> Vec<String> {
    let text = |pointer: &str| {
        let found = explanation.pointer(pointer);
        found.and_then(Value::as_str).map(str::to_owned)
    };
    let since = text("/state/since").map_or_else(String::new, |since| format!(" since {since}"));
    let state = text("/state/name").unwrap_or_default();
    let meaning = text("/state/meaning").unwrap_or_default();
    let mut lines = vec![format!("{node} is in the state {state}{since}: {meaning}")];
    lines.extend(text("/doing/text"));
    lines.extend(text("/waits_for/text"));
    lines.extend(text("/waits_for/otherwise"));
    lines.extend(text("/lock/text"));
    if let Some(message) = text("/last_failure/message") {
        let remedy = text("/last_failure/remedy").unwrap_or_default();
        lines.push(format!("Last failure: {message}"));
        lines.push(format!("  {remedy}"));
    }
    let each = |key: &str| explanation[key].as_array().cloned().unwrap_or_default();
    let said = |item: &Value| item["text"].as_str().unwrap_or_default().to_owned();
    lines.extend(each("notices").iter().map(said));
    lines.push("What may be done:".to_owned());
    let next = each("next");
    lines.extend(next.iter().map(|item| format!("  {}", said(item))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_there_is_to_say() {
        let explanation = json!({
            "state": {"name": "clean failed", "since": "2026-01-01T00:00:00Z", "meaning": "a cleaning has failed."},
            "doing": null, "waits_for": null, "lock": {"text": "Nobody holds it."},
            "last_failure": {"message": "no power", "remedy": "Look at it."},
            "notices": [{"text": "It is retired."}],
            "next": [{"text": "Put it aside (manage)."}],
        });
        assert_eq!(
            lines(&explanation, "a").join("\n"),
            "a is in the state clean failed since 2026-01-01T00:00:00Z: a cleaning has failed.\nNobody holds it.\n\
             Last failure: no power\n  Look at it.\nIt is retired.\nWhat may be done:\n  \
             Put it aside (manage)."
        );
    }
}
