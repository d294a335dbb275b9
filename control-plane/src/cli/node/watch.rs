//! `ferric node watch`: the node's timeline as it grows, with bytes, rate and remaining time.

use super::super::client::Client;
use super::super::events::print;
use super::super::stream;
use anyhow::bail;
use serde_json::Value;
use std::ops::ControlFlow;

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

/// Prints what happens after the event `after`, until the node is in `goal`.
pub(super) async fn follow(
    client: &Client,
    node: &str,
    after: u64,
    goal: Option<&str>,
) -> anyhow::Result<()> {
    let path = format!("/ferric/v1/nodes/{node}/timeline?");
    stream::each(client, &path, Some(after), |event| {
        print(event);
        Ok(match reached(event, goal)? {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    })
    .await
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
}
