//! The commands that ask the daemon one thing.

use std::io::Write as _;

use anyhow::{Context as _, bail};

use crate::control::{Client, MachineLine, Reply, Request};
use crate::machine::{Place, Reset};
use crate::redfish::Fault;
use crate::state::StateDir;

pub(super) fn down(lab: &StateDir) -> anyhow::Result<()> {
    let mut client = Client::connect(lab)?;
    client.ask(&Request::Down)?;
    client.wait_for_end()
}

pub(super) fn list(lab: &StateDir, json: bool) -> anyhow::Result<()> {
    let Reply::Machines(machines) = Client::connect(lab)?.ask(&Request::List)? else {
        bail!("the lab did not answer with its machines");
    };
    let text = if json {
        serde_json::to_string_pretty(&machines)? + "\n"
    } else {
        table(&machines)
    };
    std::io::stdout()
        .write_all(text.as_bytes())
        .context("printing the machines")
}

pub(super) fn power(lab: &StateDir, name: &str, reset: Reset) -> anyhow::Result<()> {
    Client::connect(lab)?
        .ask(&Request::Power {
            name: name.to_owned(),
            reset,
        })
        .map(drop)
}

pub(super) fn disk(lab: &StateDir, name: &str, index: usize, place: Place) -> anyhow::Result<()> {
    Client::connect(lab)?
        .ask(&Request::Disk {
            name: name.to_owned(),
            index,
            place,
        })
        .map(drop)
}

pub(super) fn fault(lab: &StateDir, name: &str, fault: Fault) -> anyhow::Result<()> {
    Client::connect(lab)?
        .ask(&Request::Fault {
            name: name.to_owned(),
            fault,
        })
        .map(drop)
}

fn table(machines: &[MachineLine]) -> String {
    let mut text = format!(
        "{:<16} {:<5} {:<8} {:<28} {}\n",
        "NAME", "POWER", "FIRMWARE", "BMC", "UUID"
    );
    for machine in machines {
        let MachineLine {
            name,
            power,
            firmware,
            bmc,
            uuid,
            ..
        } = machine;
        let power = power.to_string();
        text.push_str(&format!(
            "{name:<16} {power:<5} {firmware:<8} {bmc:<28} {uuid}\n"
        ));
    }
    text
}
