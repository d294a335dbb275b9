//! Makes the machine boot what was written: a boot loader entry where the firmware needs one, then the disk, and only what
//! is signed where the instance wants that.

use super::{Outcome, StepContext, StepError};
use crate::conductor::agent::{AgentClient, AgentError, command_id};
use ferric_agent_protocol::params::{InstallBootloader, PartitionUuids};
use ferric_drivers::{BmcError, BootDevice, BootMode, Persistence, SecureBootState, TakesEffect};
use ferric_model::node::{NetworkBoot, Node, Object};
use serde_json::Value;
use tracing::warn;

pub(super) async fn prepare(context: &StepContext) -> Result<Outcome, StepError> {
    let agent = AgentClient::of(&context.conductor, &context.node)?;
    let answer = agent
        .ask("standby.get_partition_uuids", Object::new())
        .await?;
    let uuids: PartitionUuids =
        serde_json::from_value(answer.command_result.unwrap_or(Value::Null)).unwrap_or_default();
    let mode = boot_mode(context).await?;
    if needs_boot_loader(&context.node, mode) {
        install(context, &agent, uuids, mode).await?;
    }
    from_disk(context).await
}

/// For an instance that is there already: it is answered by DHCP as after its deploy, whatever went on in between.
pub(super) async fn again(context: &StepContext) -> Result<Outcome, StepError> {
    if context.node.interface("boot") != Some("fake") {
        context
            .conductor
            .boot()
            .prepare(&context.node, &context.ports)
            .await?;
    }
    from_disk(context).await
}

/// What is on the disk is what the machine boots from now on.
async fn from_disk(context: &StepContext) -> Result<Outcome, StepError> {
    if let Some(management) = &context.hardware.management {
        let persistence = super::boot::persistence(&context.node, Persistence::Continuous);
        let set = management.set_boot_device(BootDevice::Disk, persistence, None);
        set.await
            .map_err(StepError::bmc("setting the boot device to the disk"))?;
    }
    let secure_boot = secure_boot(context, SecureBootState::On).await?;
    Ok(Outcome::done().edit(move |node, _| {
        node.network_boot = NetworkBoot::LocalDisk;
        node.secure_boot = secure_boot.or(node.secure_boot);
    }))
}

/// Switches secure boot where the instance asks for it (`secure_boot` in its capabilities); the boot that comes next takes
/// it over. Answers whether it is on now, where the BMC shows that. That nobody can do it fails, as in Ironic, neither a
/// deploy nor a tear-down.
pub(super) async fn secure_boot(
    context: &StepContext,
    state: SecureBootState,
) -> Result<Option<bool>, StepError> {
    if !super::boot::wants_secure_boot(&context.node) {
        return Ok(None);
    }
    let Some(secure_boot) = &context.hardware.secure_boot else {
        let interface = context.node.interface("management");
        warn!(node = %context.node.uuid, interface, "the instance wants secure boot, which the management interface does not have");
        return Ok(None);
    };
    let set = secure_boot.set_state(state).await;
    if state == SecureBootState::Off && matches!(set, Err(BmcError::NotOffered { .. })) {
        warn!(node = %context.node.uuid, "the instance wants secure boot, which the machine does not have");
        return Ok(None);
    }
    let takes_effect = set.map_err(StepError::bmc("changing secure boot"))?;
    Ok((takes_effect == TakesEffect::Now).then_some(state.is_on()))
}

/// What the operator wants, else what the BMC says, else what the ramdisk found when the machine was inspected, else
/// Ironic's default.
async fn boot_mode(context: &StepContext) -> Result<BootMode, StepError> {
    if let Some(wanted) = super::boot::wanted_mode(&context.node) {
        return Ok(wanted);
    }
    let found = match &context.hardware.management {
        Some(management) => management
            .boot_mode()
            .await
            .map_err(StepError::bmc("reading the boot mode"))?,
        None => None,
    };
    Ok(found.unwrap_or(match context.node.boot_mode.as_deref() {
        Some("bios") => BootMode::Bios,
        _ => BootMode::Uefi,
    }))
}

/// On a whole disk image for BIOS there is nothing to install: its boot loader came with it. But BIOS finds none on a
/// RAID volume of software.
fn needs_boot_loader(node: &Node, mode: BootMode) -> bool {
    mode == BootMode::Uefi || is_on_software_raid(node)
}

/// By the wanted configuration, as in Ironic.
fn is_on_software_raid(node: &Node) -> bool {
    let disks = node.target_raid_config.get("logical_disks");
    let mut disks = disks.and_then(Value::as_array).into_iter().flatten();
    disks.any(|disk| disk.get("controller").and_then(Value::as_str) == Some("software"))
}

/// On a RAID volume the agent may have to look for the root file system, and of a whole disk image only the operator
/// knows which it is.
fn root_uuid(node: &Node, found: Option<String>) -> Option<String> {
    let told = node.instance_info.get("image_rootfs_uuid");
    let told = told.and_then(Value::as_str).filter(|id| !id.is_empty());
    let told = told.filter(|_| is_on_software_raid(node));
    told.map(str::to_owned).or(found)
}

async fn install(
    context: &StepContext,
    agent: &AgentClient,
    uuids: PartitionUuids,
    mode: BootMode,
) -> Result<(), AgentError> {
    let arguments = InstallBootloader {
        root_uuid: root_uuid(&context.node, uuids.root_uuid),
        efi_system_part_uuid: uuids.efi_system_partition_uuid,
        prep_boot_part_uuid: uuids.prep_boot_partition_uuid,
        target_boot_mode: Some(mode.name().to_owned()),
        ignore_bootloader_failure: false,
    };
    let Ok(Value::Object(arguments)) = serde_json::to_value(arguments) else {
        unreachable!("a struct is written as an object");
    };
    let id = command_id(&context.command_id, "install_bootloader");
    agent
        .finish("image.install_bootloader", arguments, id)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(controller: Option<&str>, instance_info: &Value) -> Node {
        let id = ferric_model::ids::NodeId(uuid::Uuid::nil());
        let mut node = Node::new(id, "redfish", jiff::Timestamp::UNIX_EPOCH);
        node.instance_info = instance_info.as_object().unwrap().clone();
        if let Some(controller) = controller {
            let disks = json!({"logical_disks": [
                {"size_gb": 10, "raid_level": "1"},
                {"size_gb": "MAX", "raid_level": "0", "controller": controller},
            ]});
            node.target_raid_config = disks.as_object().unwrap().clone();
        }
        node
    }

    #[test]
    fn bios_needs_a_boot_loader_on_volumes_of_software_alone() {
        for (controller, bios) in [
            (None, false),
            (Some("RAID.1"), false),
            (Some("software"), true),
        ] {
            let node = node(controller, &json!({}));
            assert_eq!(
                needs_boot_loader(&node, BootMode::Bios),
                bios,
                "{controller:?}"
            );
            assert!(needs_boot_loader(&node, BootMode::Uefi));
        }
    }

    #[test]
    fn the_root_on_a_volume_is_what_the_operator_says() {
        let found = || Some("0x1234abcd".to_owned());
        let told = json!({"image_rootfs_uuid": "1be26c0b"});
        let root = |controller, info: &Value| root_uuid(&node(controller, info), found());
        assert_eq!(root(Some("software"), &told).as_deref(), Some("1be26c0b"));
        assert_eq!(root(None, &told), found());
        assert_eq!(root(Some("software"), &json!({})), found());
        assert_eq!(
            root(Some("software"), &json!({"image_rootfs_uuid": ""})),
            found()
        );
    }
}
