//! Ethernet interfaces, with the addresses that the guest sees.

use axum::Router;
use serde_json::{Value, json};

use super::resource::{collection, healthy, readable};
use super::{Bmc, View, paths};
use crate::config::Machine;
use crate::machine::Power;

pub(super) fn routes(machine: &Machine) -> Router<Bmc> {
    let own = paths::under_system(machine, "EthernetInterfaces");
    let members: Vec<String> = (0..machine.nics.len())
        .map(|index| format!("{own}/nic{index}"))
        .collect();
    let all = collection(&own, "EthernetInterface", &members);
    members.iter().enumerate().fold(all, |all, (index, path)| {
        all.merge(readable(path, move |view| body(view, index)))
    })
}

fn body(view: &View<'_>, index: usize) -> Value {
    let mac = view.machine.nics[index].mac.to_string();
    json!({
        "@odata.type": "#EthernetInterface.v1_9_0.EthernetInterface",
        "Id": format!("nic{index}"),
        "Name": format!("NIC {index}"),
        "MACAddress": mac,
        "PermanentMACAddress": mac,
        "InterfaceEnabled": true,
        "LinkStatus": if view.status.power == Power::On { "LinkUp" } else { "LinkDown" },
        "Status": healthy(),
    })
}
