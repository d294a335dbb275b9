//! Reading from a running Ironic by its API, at the newest version that both sides know. Nothing is changed there.

mod access;
mod pages;

pub(super) use access::Access;

use super::patient::{Patience, Patient};
use super::record::{FORMAT, Header, Object, Record};
use super::secrets::Secrets;
use super::sink::Sink;
use crate::cli::client::ClientError;
use anyhow::{Context, bail};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use pages::Pages;
use reqwest::StatusCode;
use serde_json::Value;
use std::collections::BTreeMap;

/// Of Ironic's API; what is newer is not known here.
const NEWEST: u16 = 115;
/// Before this version nodes show too little of themselves to be the same afterwards.
const OLDEST: u16 = 31;
/// Inventories, which are read one by one, that are asked for at the same time.
const AT_A_TIME: usize = 8;
const INVENTORY_SINCE: u16 = 81;
const CHILDREN_SINCE: u16 = 83;
const ALLOCATIONS: Listed = listed("allocation", "/v1/allocations?", "allocations", 52);

/// A list of Ironic's.
#[derive(Clone, Copy)]
struct Listed {
    kind: &'static str,
    path: &'static str,
    key: &'static str,
    since: u16,
}

const fn listed(kind: &'static str, path: &'static str, key: &'static str, since: u16) -> Listed {
    Listed {
        kind,
        path,
        key,
        since,
    }
}

/// What comes after the nodes, in the order in which it is imported.
const ON_NODES: [Listed; 4] = [
    listed("portgroup", "/v1/portgroups/detail?", "portgroups", 26),
    listed("port", "/v1/ports/detail?", "ports", 1),
    listed(
        "volume_connector",
        "/v1/volume/connectors?detail=True&",
        "connectors",
        32,
    ),
    listed(
        "volume_target",
        "/v1/volume/targets?detail=True&",
        "targets",
        32,
    ),
];
const ALONE: [Listed; 3] = [
    listed(
        "deploy_template",
        "/v1/deploy_templates?detail=True&",
        "deploy_templates",
        55,
    ),
    listed("runbook", "/v1/runbooks?detail=True&", "runbooks", 92),
    listed(
        "inspection_rule",
        "/v1/inspection_rules?detail=True&",
        "inspection_rules",
        96,
    ),
];

/// What objects show of others.
const LINKS: [&str; 6] = ["links", "nodes", "ports", "portgroups", "states", "volume"];

pub(super) struct Ironic {
    client: Patient,
    version: u16,
}

impl Ironic {
    pub(super) async fn open(
        url: &str,
        access: &Access,
        patience: Patience,
    ) -> anyhow::Result<Self> {
        let client = Patient::new(access.client(url).await?, patience);
        let told = client
            .get("/v1")
            .await
            .context("asking the Ironic for its versions")?;
        let newest = told.pointer("/version/version").and_then(Value::as_str);
        let newest = newest.and_then(|newest| newest.strip_prefix("1."));
        let Some(newest) = newest.and_then(|minor| minor.parse::<u16>().ok()) else {
            bail!(
                "{} is no Ironic: it does not tell its newest version at /v1",
                client.base()
            );
        };
        if newest < OLDEST {
            bail!(
                "the Ironic has version 1.{newest} of the API, and 1.{OLDEST} is needed: upgrade it first"
            );
        }
        let version = newest.min(NEWEST);
        Ok(Self {
            client: client.with_version(format!("1.{version}")),
            version,
        })
    }

    pub(super) async fn read(&self, secrets: &Secrets, sink: &mut Sink) -> anyhow::Result<()> {
        sink.begin(Header {
            ferric_export: FORMAT,
            source: self.client.base().to_owned(),
            counts: BTreeMap::new(),
            secrets: !secrets.is_empty(),
        })?;
        let chassis = listed("chassis", "/v1/chassis/detail?", "chassis", 1);
        self.copy(chassis, secrets, sink).await?;
        // Before the nodes: one that is given away meanwhile is then told of, rather than stored without its node.
        let (mut of_nodes, alone) = self.allocations().await?;
        let nodes = self.nodes(secrets, &mut of_nodes, sink).await?;
        for listed in ON_NODES {
            self.copy(listed, secrets, sink).await?;
        }
        self.inventories(&nodes, sink).await?;
        for allocation in alone {
            sink.take(Record::new("allocation", allocation)).await?;
        }
        for listed in ALONE {
            self.copy(listed, secrets, sink).await?;
        }
        Ok(())
    }

    fn pages(&self, listed: Listed) -> Pages<'_> {
        Pages::new(&self.client, listed.path, listed.key)
    }

    async fn copy(&self, listed: Listed, secrets: &Secrets, sink: &mut Sink) -> anyhow::Result<()> {
        if self.version < listed.since {
            return Ok(());
        }
        let mut pages = self.pages(listed);
        while let Some(page) = pages.next().await? {
            for object in page {
                let mut record = Record::new(listed.kind, cleaned(object));
                secrets.fill(&mut record);
                sink.take(record).await?;
            }
        }
        Ok(())
    }

    /// Those of nodes, by node, and those without one.
    async fn allocations(&self) -> anyhow::Result<(BTreeMap<String, Object>, Vec<Object>)> {
        let (mut of_nodes, mut alone) = (BTreeMap::new(), Vec::new());
        if self.version < ALLOCATIONS.since {
            return Ok((of_nodes, alone));
        }
        let mut pages = self.pages(ALLOCATIONS);
        while let Some(page) = pages.next().await? {
            for allocation in page.into_iter().map(cleaned) {
                match allocation.get("node_uuid").and_then(Value::as_str) {
                    Some(node) => drop(of_nodes.insert(node.to_owned(), allocation)),
                    None => alone.push(allocation),
                }
            }
        }
        Ok((of_nodes, alone))
    }

    /// Their UUIDs.
    async fn nodes(
        &self,
        secrets: &Secrets,
        allocations: &mut BTreeMap<String, Object>,
        sink: &mut Sink,
    ) -> anyhow::Result<Vec<String>> {
        // Without being asked for they are left out of lists.
        let path = match self.version >= CHILDREN_SINCE {
            true => "/v1/nodes/detail?include_children=True&",
            false => "/v1/nodes/detail?",
        };
        let listed = listed("node", path, "nodes", 1);
        let (mut seen, mut pages) = (Vec::new(), self.pages(listed));
        while let Some(page) = pages.next().await? {
            for node in page {
                let mut record = Record::new("node", cleaned(node));
                secrets.fill(&mut record);
                let uuid = record.text("uuid").unwrap_or_default().to_owned();
                record.allocation = allocations.remove(&uuid);
                seen.push(uuid);
                sink.take(record).await?;
            }
        }
        Ok(seen)
    }

    async fn inventories(&self, nodes: &[String], sink: &mut Sink) -> anyhow::Result<()> {
        if self.version < INVENTORY_SINCE {
            return Ok(());
        }
        let asked = nodes.iter().map(|node| self.inventory(node));
        let asked: Vec<_> = asked.collect();
        let mut found = stream::iter(asked).buffered(AT_A_TIME);
        while let Some(inventory) = found.try_next().await? {
            if let Some(record) = inventory {
                sink.take(record).await?;
            }
        }
        Ok(())
    }

    /// `None` for a node that was never inspected, or has gone since.
    async fn inventory(&self, node: &str) -> Result<Option<Record>, ClientError> {
        match self
            .client
            .get(&format!("/v1/nodes/{node}/inventory"))
            .await
        {
            Ok(Value::Object(mut document)) => {
                document.insert("node".to_owned(), Value::from(node));
                Ok(Some(Record::new("inventory", document)))
            }
            Ok(_) => Ok(None),
            Err(ClientError::Refused { status, .. }) if status == StatusCode::NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The object without its links to others. A chassis' name of its own stays, whatever it is called.
fn cleaned(mut object: Object) -> Object {
    for link in LINKS {
        object.shift_remove(link);
    }
    object
}
