//! The bridge and one tap per NIC. They need no clean-up: they vanish with the namespace.

use crate::config::Lab;
use crate::run::run;

/// Name of the tap of a NIC; there is no other tap in the namespace, so two numbers are enough.
pub fn tap_name(machine: usize, nic: usize) -> String {
    format!("m{machine}n{nic}")
}

pub async fn make(lab: &Lab) -> anyhow::Result<()> {
    let bridge = lab.network.bridge.as_str();
    ip("link set lo up").await?;
    // A forward delay would swallow the first DHCP requests of a machine.
    ip(&format!(
        "link add {bridge} type bridge forward_delay 0 stp_state 0 mcast_snooping 0"
    ))
    .await?;
    ip(&format!("address add {} dev {bridge}", lab.network.address)).await?;
    ip(&format!("link set {bridge} up")).await?;
    for (machine_index, machine) in lab.machines.iter().enumerate() {
        for nic_index in 0..machine.nics.len() {
            let tap = tap_name(machine_index, nic_index);
            ip(&format!("tuntap add {tap} mode tap")).await?;
            ip(&format!("link set {tap} master {bridge} up")).await?;
        }
    }
    Ok(())
}

async fn ip(arguments: &str) -> anyhow::Result<()> {
    run("ip", arguments.split(' ')).await
}
