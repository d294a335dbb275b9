//! The ramdisk: bringing it up, and taking away what brings it up.

use super::{Outcome, StepContext, StepError, fast_track, instance_boot, next_boot, power};
use crate::conductor::limits;
use ferric_drivers::{BootDevice, BootMode, Persistence, SecureBootState};
use ferric_model::node::{Dhcp, NetworkBoot, Node, Object};
use ferric_model::run::{Activity, WaitReason};

/// Boots the ramdisk and has the run wait for it. The machine is off, or on because of this very step, or was left on.
pub(super) async fn ramdisk(context: &StepContext) -> Result<Outcome, StepError> {
    admit(context).await?;
    let activity = context.run.activity;
    let limit = limits::callback(context.conductor.settings(), activity);
    if fast_track::is_up(context).await {
        // What inspection needs to know the agent is asked for.
        return Ok(match activity {
            Activity::Inspect => Outcome::wait(WaitReason::InspectionData, limit),
            _ => Outcome::done().detail("fast track: the ramdisk is up"),
        });
    }
    boot_from_network(context).await?;
    let reason = match activity {
        Activity::Inspect => WaitReason::InspectionData,
        _ => WaitReason::AgentBoot,
    };
    Ok(Outcome {
        wait: Some((reason, limit)),
        ..power::boot(context).await?
    })
}

/// Whatever makes the machine start next, it gets the ramdisk.
pub(super) async fn direct_to_ramdisk(context: &StepContext) -> Result<(), StepError> {
    admit(context).await?;
    boot_from_network(context).await
}

/// The boot plane answers the machine.
async fn admit(context: &StepContext) -> Result<(), StepError> {
    if context.node.interface("boot") != Some("fake") {
        let boot = context.conductor.boot();
        boot.prepare(&context.node, &context.ports).await?;
    }
    Ok(())
}

/// The firmware asks it.
async fn boot_from_network(context: &StepContext) -> Result<(), StepError> {
    let Some(management) = &context.hardware.management else {
        return Ok(());
    };
    // The ramdisk, and what loads it, need not be signed.
    instance_boot::secure_boot(context, SecureBootState::Off).await?;
    let mode = wanted_mode(&context.node);
    let persistence = persistence(&context.node, Persistence::Once);
    let set = management.set_boot_device(BootDevice::Pxe, persistence, mode);
    set.await
        .map(drop)
        .map_err(StepError::bmc("setting the boot device to the network"))
}

/// From now on the machine gets no ramdisk, whatever makes it boot from the network. A ramdisk that stays up for what
/// comes next goes on being answered by DHCP.
pub(super) async fn clean_up(context: &StepContext) -> Result<Outcome, StepError> {
    let mut dhcp = context.node.dhcp;
    let stays_up = fast_track::is_up(context).await;
    if context.node.interface("boot") != Some("fake") && !stays_up {
        context
            .conductor
            .boot()
            .clean_up(&context.node, &context.ports)
            .await?;
        dhcp = Some(Dhcp::Ignored);
    }
    let outcome = Outcome::done().edit(move |node, _| {
        node.network_boot = NetworkBoot::LocalDisk;
        node.dhcp = dhcp;
    });
    if stays_up {
        return Ok(outcome);
    }
    Ok(next_boot::take_back(context, outcome).await)
}

/// For how many boots a boot device is set: as the step wants it, unless `force_persistent_boot_device` of `driver_info`
/// is `Always` or `Never` (or, as of old, a yes, which means `Always`).
pub(in crate::conductor) fn persistence(node: &Node, wanted: Persistence) -> Persistence {
    let Some(forced) = node.driver_info.get("force_persistent_boot_device") else {
        return wanted;
    };
    let text = forced
        .as_str()
        .map_or_else(|| forced.to_string(), str::to_owned);
    match text.to_lowercase().as_str() {
        "always" | "true" | "yes" | "on" | "1" => Persistence::Continuous,
        "never" => Persistence::Once,
        _ => wanted,
    }
}

/// Whether the instance is to boot only what is signed (`secure_boot:true` in the capabilities of `instance_info`).
pub(super) fn wants_secure_boot(node: &Node) -> bool {
    let wanted = capability_in(&node.instance_info, "secure_boot");
    wanted.is_some_and(|wanted| wanted.eq_ignore_ascii_case("true"))
}

/// The boot mode that the operator wants: UEFI for secure boot; else `instance_info` before `properties`, in Ironic's
/// `capabilities` (`boot_mode:uefi`).
pub(in crate::conductor) fn wanted_mode(node: &Node) -> Option<BootMode> {
    if wants_secure_boot(node) {
        return Some(BootMode::Uefi);
    }
    let direct = node
        .instance_info
        .get("deploy_boot_mode")
        .and_then(|value| value.as_str());
    let wanted = direct
        .map(str::to_owned)
        .or_else(|| capability(node, "boot_mode"))?;
    match wanted.as_str() {
        "uefi" => Some(BootMode::Uefi),
        "bios" => Some(BootMode::Bios),
        _ => None,
    }
}

fn capability(node: &Node, name: &str) -> Option<String> {
    [&node.instance_info, &node.properties]
        .into_iter()
        .find_map(|fields| capability_in(fields, name))
}

/// A capability: written `a:b,c:d`, or as an object.
fn capability_in(fields: &Object, name: &str) -> Option<String> {
    match fields.get("capabilities")? {
        serde_json::Value::String(text) => {
            let pairs = text.split(',').filter_map(|pair| pair.split_once(':'));
            pairs
                .map(|(key, value)| (key.trim(), value.trim()))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        }
        serde_json::Value::Object(map) => match map.get(name)? {
            serde_json::Value::Bool(value) => Some(value.to_string()),
            value => value.as_str().map(str::to_owned),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn boot_devices_are_set_for_as_many_boots_as_the_operator_says() {
        let (once, always) = (Persistence::Once, Persistence::Continuous);
        for (forced, expected) in [
            (json!("Default"), [once, always]),
            (json!("Always"), [always, always]),
            (json!(true), [always, always]),
            (json!("never"), [once, once]),
        ] {
            let mut node = Node::new(
                ferric_model::ids::NodeId(uuid::Uuid::nil()),
                "redfish",
                jiff::Timestamp::UNIX_EPOCH,
            );
            node.driver_info
                .insert("force_persistent_boot_device".to_owned(), forced.clone());
            let found = [once, always].map(|wanted| persistence(&node, wanted));
            assert_eq!(found, expected, "{forced}");
        }
    }

    #[test]
    fn boot_modes() {
        let mut node = Node::new(
            ferric_model::ids::NodeId(uuid::Uuid::nil()),
            "redfish",
            jiff::Timestamp::UNIX_EPOCH,
        );
        assert_eq!(wanted_mode(&node), None);
        node.properties.insert(
            "capabilities".to_owned(),
            json!("cpu_vt:true, boot_mode:bios"),
        );
        assert_eq!(wanted_mode(&node), Some(BootMode::Bios));
        node.instance_info
            .insert("capabilities".to_owned(), json!({"boot_mode": "uefi"}));
        assert_eq!(wanted_mode(&node), Some(BootMode::Uefi));
    }
}
