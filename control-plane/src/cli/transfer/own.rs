//! Reading from a Ferric, page by page.

use super::patient::Patient;
use super::record::{FORMAT, Header, Record};
use super::sink::Sink;
use anyhow::Context;
use serde::Deserialize;
use std::collections::BTreeMap;

/// In the order in which they are imported.
const KINDS: [&str; 11] = [
    "chassis",
    "node",
    "portgroup",
    "port",
    "volume_connector",
    "volume_target",
    "inventory",
    "allocation",
    "deploy_template",
    "runbook",
    "inspection_rule",
];
/// Records of one answer; inventories are large.
const PAGE: usize = 200;

#[derive(Deserialize)]
struct Counts {
    counts: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Page {
    records: Vec<Record>,
    next: Option<String>,
}

pub(super) async fn read(client: &Patient, secrets: bool, sink: &mut Sink) -> anyhow::Result<()> {
    let told = client.get("/ferric/v1/export").await?;
    let Counts { counts } = serde_json::from_value(told).context("reading how much there is")?;
    let header = Header {
        ferric_export: FORMAT,
        source: client.base().to_owned(),
        counts,
        secrets,
    };
    sink.begin(header)?;
    for kind in KINDS {
        let mut marker = String::new();
        loop {
            let path =
                format!("/ferric/v1/export?kind={kind}&limit={PAGE}&secrets={secrets}{marker}");
            let page = client.get(&path).await?;
            let page: Page = serde_json::from_value(page).context("reading a page of records")?;
            for record in page.records {
                sink.take(record).await?;
            }
            match page.next {
                Some(next) => marker = format!("&marker={next}"),
                None => break,
            }
        }
    }
    Ok(())
}
