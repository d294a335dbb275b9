//! When a machine first had power, asked for something to boot, and when its agent was heard of: from the timeline.

use crate::summary::Summary;
use anyhow::Context;
use ferric_tests::node::Node;
use jiff::Timestamp;
use serde_json::Value;

/// Notes the stations of the machine's first boot.
pub(crate) fn note(summary: &mut Summary, node: &Node<'_>) -> anyhow::Result<()> {
    let events = node.events(0)?;
    let on = first(&events, "power on", |event| {
        event["event"] == "power_changed" && event["to"] == "power on"
    })?;
    let boot = first(&events, "network boot", |event| {
        event["event"] == "boot_request"
    })?;
    let hello = first(&events, "agent hello", |event| event["event"] == "lookup")?;
    summary.note("power on", &format!("by the BMC at {}", clock(on)?));
    summary.note("network boot", &after(on, boot, boot["what"].as_str())?);
    summary.note("agent hello", &after(on, hello, hello["address"].as_str())?);
    Ok(())
}

fn first<'e>(
    events: &'e [Value],
    what: &str,
    is: impl Fn(&Value) -> bool,
) -> anyhow::Result<&'e Value> {
    let found = events.iter().find(|event| is(event));
    found.with_context(|| format!("{what} is not on the timeline"))
}

fn at(event: &Value) -> anyhow::Result<Timestamp> {
    let text = event["at"].as_str().context("an event has its time")?;
    text.parse()
        .with_context(|| format!("reading the time {text}"))
}

fn clock(event: &Value) -> anyhow::Result<String> {
    Ok(at(event)?.strftime("%H:%M:%S").to_string())
}

fn after(on: &Value, event: &Value, more: Option<&str>) -> anyhow::Result<String> {
    let seconds = at(event)?.duration_since(at(on)?).as_secs();
    Ok(format!("after {seconds} s ({})", more.unwrap_or("-")))
}
