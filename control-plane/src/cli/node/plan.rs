//! `ferric node plan`: what a deploy would do, a line for each finding and each step.

use super::super::client::Client;
use super::super::output::line;
use anyhow::bail;
use clap::ValueEnum;
use reqwest::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, clap::Args)]
pub(super) struct Plan {
    node: String,
    /// As if this were the node's image; `http://`, `https://` or `file://` (on the conductor).
    #[arg(long)]
    image: Option<String>,
    /// As if this were its checksum.
    #[arg(long)]
    checksum: Option<String>,
    #[arg(long, value_enum, default_value_t = Target::Active)]
    target: Target,
    /// All of it as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    Active,
    Rebuild,
}

impl Plan {
    /// Fails when the deploy would.
    pub(super) async fn run(self, client: &Client) -> anyhow::Result<()> {
        let path = format!("/ferric/v1/nodes/{}/plan", self.node);
        let plan = client.send(Method::POST, &path, Some(&self.body())).await?;
        if self.json {
            line(&serde_json::to_string_pretty(&plan)?);
        } else {
            lines(&plan).iter().for_each(|text| line(text));
        }
        if plan["verdict"] == "error" {
            bail!(
                "{}",
                plan["text"].as_str().unwrap_or("the deploy would fail")
            );
        }
        Ok(())
    }

    fn body(&self) -> Value {
        let given = [
            ("image_source", &self.image),
            ("image_checksum", &self.checksum),
        ];
        let info = given
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), json!(value.as_ref()?))));
        let info: Map<String, Value> = info.collect();
        let target = match self.target {
            Target::Active => "active",
            Target::Rebuild => "rebuild",
        };
        json!({"target": target, "instance_info": info})
    }
}

fn lines(plan: &Value) -> Vec<String> {
    let each = |key: &str| plan[key].as_array().cloned().unwrap_or_default();
    let text = |item: &Value, key: &str| item[key].as_str().unwrap_or("-").to_owned();
    let findings = each("findings").into_iter().map(|finding| {
        format!(
            "{:8} {:8} {}",
            text(&finding, "level"),
            text(&finding, "about"),
            text(&finding, "text")
        )
    });
    let steps = each("steps").into_iter().map(|step| {
        let seconds = step["estimated_seconds"].as_u64();
        let seconds = seconds.map_or_else(String::new, |seconds| format!(", about {seconds} s"));
        let told = step["source"].as_str();
        let told = told.filter(|source| source.starts_with("agent"));
        let told = told.map_or_else(String::new, |source| format!(" ({source})"));
        format!(
            "{:>3}. {}{told}{seconds}",
            step["number"].as_u64().unwrap_or(0),
            text(&step, "step")
        )
    });
    let mut lines: Vec<String> = findings.collect();
    lines.extend(steps);
    lines.push(text(plan, "text"));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_then_steps_then_the_verdict() {
        let plan = json!({
            "text": "Node a can be deployed.",
            "findings": [{"about": "disk", "level": "ok", "text": "the image goes to /dev/sda"}],
            "steps": [{"number": 1, "step": "power.off", "estimated_seconds": 9}, {"number": 2, "step": "deploy.deploy"},
                {"number": 3, "step": "deploy.burn", "source": "agent, as of today", "estimated_seconds": 5}],
        });
        let expected = [
            "ok       disk     the image goes to /dev/sda",
            "  1. power.off, about 9 s",
            "  2. deploy.deploy",
            "  3. deploy.burn (agent, as of today), about 5 s",
            "Node a can be deployed.",
        ];
        assert_eq!(lines(&plan), expected);
    }
}
