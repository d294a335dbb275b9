//! Virtual media: put into drives and taken out of them, on request.

use super::Done;
use crate::conductor::steps::{StepError, chain};
use ferric_drivers::{BmcError, Hardware, MediaDevice, VirtualMedia};
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, RelayedMedia, Wish};

/// Nothing is done where it is in the drive already, so that whoever goes on after a crash takes nothing away from a
/// machine that reads it.
pub(super) async fn attach(
    hardware: &Hardware,
    node: &Node,
    device: &str,
    image_url: &str,
) -> Result<Done, StepError> {
    let (media, device) = (media(hardware, node)?, known(device)?);
    let slots = media.slots().await.map_err(|error| problem(&error))?;
    let is_there = slots.iter().any(|slot| slot.holds(device, image_url));
    if !is_there {
        media
            .attach(device, image_url)
            .await
            .map_err(|error| problem(&error))?;
    }
    Ok(Done::Media)
}

pub(super) async fn detach(
    hardware: &Hardware,
    node: &Node,
    devices: &[String],
) -> Result<Done, StepError> {
    let media = media(hardware, node)?;
    let devices: Result<Vec<_>, _> = devices.iter().map(|device| known(device)).collect();
    media
        .detach(&devices?)
        .await
        .map_err(|error| problem(&error))?;
    Ok(Done::Media)
}

/// The sentence that the node keeps; in Ironic's words where it is about virtual media.
pub(super) fn failure(node: NodeId, wish: &Wish, cause: String) -> String {
    match wish {
        Wish::AttachMedia { device, .. } => {
            format!("Could not attach device {device} to node {node}: {cause}")
        }
        Wish::DetachMedia(devices) => {
            let devices = devices.join(", ");
            format!("Could not detach device(s) {devices} from node {node}: {cause}")
        }
        Wish::VendorMethod { method, .. } => {
            format!("Could not call the vendor method {method} of node {node}: {cause}")
        }
        Wish::BootMode(_) | Wish::SecureBoot(_) | Wish::Console(_) => cause,
    }
}

/// What the BMC reads from the conductor once a wish has ended: what is in its drives, and nothing that is not.
pub(super) fn settle(node: &mut Node, wish: &Wish, is_done: bool) {
    if let Wish::AttachMedia { image_url, .. } = wish
        && is_done
    {
        for relayed in &mut node.relayed_media {
            relayed.was_put_in |= relayed.is_at(image_url);
        }
    }
    let stays = |relayed: &RelayedMedia| match wish {
        Wish::AttachMedia { device, image_url } if is_done => {
            relayed.device != *device || relayed.is_at(image_url)
        }
        Wish::AttachMedia { image_url, .. } => relayed.was_put_in || !relayed.is_at(image_url),
        Wish::DetachMedia(devices) => !(is_done && devices.contains(&relayed.device)),
        Wish::BootMode(_) | Wish::SecureBoot(_) | Wish::Console(_) | Wish::VendorMethod { .. } => {
            true
        }
    };
    node.relayed_media.retain(stays);
}

fn media<'h>(hardware: &'h Hardware, node: &Node) -> Result<&'h dyn VirtualMedia, StepError> {
    hardware.virtual_media.as_deref().ok_or_else(|| {
        StepError::Problem(format!(
            "the management interface {} of the node has no virtual media: choose another management_interface",
            node.interface("management").unwrap_or("none")
        ))
    })
}

fn known(device: &str) -> Result<MediaDevice, StepError> {
    let device = device.parse::<MediaDevice>();
    device.map_err(|error| StepError::Problem(error.to_string()))
}

fn problem(error: &BmcError) -> StepError {
    StepError::Problem(chain(error))
}
