//! `lldp`: what the switches at the interfaces say. The inventory has it as well where `ipa-collect-lldp` asks for that,
//! as conductors of old want it.

use std::sync::OnceLock;
use std::time::Duration;

use ferric_agent_protocol::inspection::InspectionData;
use ferric_agent_protocol::inventory::Interface;

use super::collector::{CollectError, keyed};
use super::{Subject, default};
use crate::inventory::InventoryError;
use crate::lldp::{Heard, listen, stop_firmware};
use crate::network::list_interfaces_in;

pub(super) const NAME: &str = "lldp";

/// Listens once, for the first collector that asks.
#[derive(Clone, Debug)]
pub(super) struct Listening {
    limit: Duration,
    is_for_inventory: bool,
    heard: OnceLock<Heard>,
}

impl Listening {
    pub(super) fn new(limit: Duration, is_for_inventory: bool) -> Self {
        Self {
            limit,
            is_for_inventory,
            heard: OnceLock::new(),
        }
    }

    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether this collector cannot end before the switches were heard.
    pub(super) fn is_awaited_by(&self, collector: &str) -> bool {
        collector == NAME || (collector == default::NAME && self.is_for_inventory)
    }
}

pub(super) fn collect(subject: &Subject) -> Result<InspectionData, CollectError> {
    Ok(keyed("lldp_raw", heard(subject)?))
}

/// Puts what was heard at an interface into the inventory, if that is wanted.
pub(super) fn add(subject: &Subject, interfaces: &mut [Interface]) -> Result<(), CollectError> {
    if !subject.listening.is_for_inventory {
        return Ok(());
    }
    let heard = heard(subject)?;
    for interface in interfaces {
        interface.lldp = heard.get(&interface.name).cloned();
    }
    Ok(())
}

fn heard(subject: &Subject) -> Result<&Heard, CollectError> {
    let interfaces = list_interfaces_in(&subject.host.tree().path("sys/class/net"))
        .map_err(InventoryError::Interfaces)?;
    let permit = subject.host.permits_system().ok();
    let Listening { limit, heard, .. } = &subject.listening;
    let hear = || {
        if let Some(permit) = &permit {
            stop_firmware(permit);
        }
        listen(&interfaces, permit.as_ref(), *limit)
    };
    Ok(heard.get_or_init(hear))
}
