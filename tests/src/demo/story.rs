//! What happens to one machine, told as it happens by `ferric node watch`.

use crate::milestones;
use crate::summary::Summary;
use anyhow::Context;
use ferric_tests::interrupt;
use ferric_tests::lab::{Lab, program};
use ferric_tests::node::Node;
use ferric_tests::process::command;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// From bare metal to a login prompt. A failure is seen at once, as the other machine may go on for minutes; its cause
/// is the demo's last line.
pub(crate) fn deploy(lab: &Lab, name: &str) -> anyhow::Result<Summary> {
    take_through(lab, name).inspect_err(|_| {
        if !interrupt::seen() {
            say(name, "FAILED; the demo ends with the other machine");
        }
    })
}

fn take_through(lab: &Lab, name: &str) -> anyhow::Result<Summary> {
    let mut summary = Summary::new(lab.machine(name));
    let node = lab.enroll(name)?;
    say(name, &format!("enrolled as {}", node.uuid));
    let _watch = Watch::start(lab, &node)?;

    summary.timed("manage", || node.manage())?;
    summary.timed("inspect", || node.inspect())?;
    milestones::note(&mut summary, &node)?;
    let found = found(lab, &node)?;
    say(name, &format!("found: {found}"));
    summary.note("inspection found", &found);
    summary.timed("clean", || node.provide())?;

    let hostname = format!("{name}-from-config-drive");
    let serial = lab.serial(name);
    let console = serial.len();
    node.image(&lab.images().system)?;
    summary.timed("deploy", || {
        node.start_deploy(&hostname)?;
        node.becomes_active()
    })?;
    let written = written(&node)?;
    summary.note("image", &written);
    let prompt = summary.timed("first boot", || {
        serial.wait_for(
            &format!("{hostname} login:"),
            console,
            Duration::from_secs(420),
        )
    })?;
    say(name, &format!("console: {prompt}"));
    summary.note("console", &prompt);
    summary.state = node.state()?;
    Ok(summary)
}

/// Back to `available`, with clean disks.
pub(crate) fn undeploy(lab: &Lab, summary: &mut Summary) -> anyhow::Result<()> {
    let node = Node::known(lab, &summary.name)?;
    say(&summary.name, "undeploy");
    let _watch = Watch::start(lab, &node)?;
    summary.timed("undeploy", || node.undeploy())?;
    summary.state = node.state()?;
    Ok(())
}

fn say(name: &str, text: &str) {
    println!("{name:<7} {text}");
}

/// CPUs, memory, disks and interfaces, as the inventory has them.
fn found(lab: &Lab, node: &Node<'_>) -> anyhow::Result<String> {
    let inventory = lab
        .api()
        .get(&format!("/v1/nodes/{}/inventory", node.uuid))?;
    let inventory = &inventory["inventory"];
    let list = |key: &str| inventory[key].as_array().cloned().unwrap_or_default();
    let disks: Vec<String> = list("disks").iter().map(disk).collect();
    let interfaces: Vec<String> = list("interfaces")
        .iter()
        .map(|nic| nic["mac_address"].as_str().unwrap_or("-").to_owned())
        .collect();
    Ok(format!(
        "{} CPU, {} MiB, {} boot, disks {}, interfaces {}",
        inventory["cpu"]["count"],
        inventory["memory"]["physical_mb"],
        inventory["boot"]["current_boot_mode"]
            .as_str()
            .unwrap_or("-"),
        disks.join(" "),
        interfaces.join(" "),
    ))
}

fn disk(disk: &Value) -> String {
    let gib = disk["size"].as_u64().unwrap_or(0) >> 30;
    format!(
        "{} ({gib} GiB, serial {})",
        disk["name"].as_str().unwrap_or("-"),
        disk["serial"].as_str().unwrap_or("-")
    )
}

/// Bytes and mean rate of the image write, from the timeline.
fn written(node: &Node<'_>) -> anyhow::Result<String> {
    let events = node.events(0)?;
    let last = events
        .iter()
        .rfind(|event| event["event"] == "progress")
        .context("no progress was reported")?;
    let mib = |key: &str| last[key].as_u64().unwrap_or(0) >> 20;
    Ok(format!(
        "{} MiB written, {} MiB/s",
        mib("bytes_done"),
        mib("bytes_per_second")
    ))
}

/// `ferric node watch` in the background, its lines with the node's name before them.
struct Watch {
    child: Child,
    lines: Option<std::thread::JoinHandle<()>>,
}

impl Watch {
    fn start(lab: &Lab, node: &Node<'_>) -> anyhow::Result<Self> {
        let mut watch = command(program("ferric"));
        watch.args(["node", "--url", lab.api().base(), "watch", &node.uuid]);
        let mut child = watch
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting ferric node watch")?;
        let output = child.stdout.take().context("its output was asked for")?;
        let name = node.name.clone();
        let lines = std::thread::spawn(move || tell(&name, BufReader::new(output)));
        Ok(Self {
            child,
            lines: Some(lines),
        })
    }
}

/// One line of progress in two seconds is enough for two machines on one terminal.
fn tell(name: &str, lines: impl BufRead) {
    let mut last = Instant::now();
    for line in lines.lines().map_while(Result::ok) {
        let chatter = line.contains("MiB/s") || line.ends_with("heartbeat");
        if !chatter || last.elapsed() > Duration::from_secs(2) {
            say(name, &line);
            last = Instant::now();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        if let Some(lines) = self.lines.take() {
            drop(lines.join());
        }
    }
}
