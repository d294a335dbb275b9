//! Virtual media on request, without a provision state being involved. What changes them is answered at once and is a wish
//! (`wishes`); how it ended shows in `last_error` and in the drives themselves.

use super::Conductor;
use super::forward::{MediaChange, NodeCall};
use super::power::bmc;
use super::requests::{MediaSlot, MediaSource, RequestError};
use super::steps::chain;
use ferric_drivers::{MediaDevice, VirtualMedia};
use ferric_model::ids::NodeId;
use ferric_model::node::{Node, RelayedMedia, Wish};
use std::sync::Arc;

/// Of a machine whose BMC does not answer.
const POWER_FAILURE: &str = "power failure";
const RETRY_S: u32 = 60;

impl Conductor {
    /// Asks the BMC which virtual drives there are, and what is in them.
    pub async fn virtual_media(&self, id: NodeId) -> Result<Vec<MediaSlot>, RequestError> {
        let call = NodeCall::VirtualMedia { node: id };
        self.at_owner(call).await?.media_slots()
    }

    /// Starts to put an image into a virtual drive (204).
    pub async fn attach_media(
        &self,
        id: NodeId,
        device: MediaDevice,
        image_url: String,
        source: MediaSource,
    ) -> Result<(), RequestError> {
        let change = MediaChange::Attach {
            device,
            image_url,
            source,
        };
        let call = NodeCall::ChangeMedia { node: id, change };
        self.at_owner(call).await?.nothing()
    }

    /// Starts to empty the virtual drives of these kinds (204).
    pub async fn detach_media(
        &self,
        id: NodeId,
        devices: Vec<MediaDevice>,
    ) -> Result<(), RequestError> {
        let change = MediaChange::Detach { devices };
        let call = NodeCall::ChangeMedia { node: id, change };
        self.at_owner(call).await?.nothing()
    }

    pub(super) async fn do_media(&self, id: NodeId) -> Result<Vec<MediaSlot>, RequestError> {
        let node = self.node(id).await?;
        let slots = bmc(self.media_of(&node)?.slots().await)?;
        Ok(slots.into_iter().map(MediaSlot::from).collect())
    }

    /// Looks whether it can be done at all, stores it and answers; the rest happens in the background under the same lock.
    pub(super) async fn do_change_media(
        &self,
        id: NodeId,
        change: MediaChange,
    ) -> Result<(), RequestError> {
        let (wish, source) = wish(change);
        let task = self.task(id, wish.purpose()).await?;
        self.media_of(&task.node)?;
        let node = &task.node;
        if node.maintenance && node.fault.as_deref() == Some(POWER_FAILURE) {
            return Err(RequestError::Busy {
                reason: format!("The BMC of node {id} does not answer ({POWER_FAILURE})"),
                retry_after_s: RETRY_S,
            });
        }
        let (device, image_url) = match (wish, source) {
            (Wish::AttachMedia { device, image_url }, MediaSource::Relayed) => (device, image_url),
            (wish, _) => return self.begin(task, wish).await,
        };
        let (relayed, image_url) = self.relayed(&task.node, device.clone(), image_url)?;
        let wish = Wish::AttachMedia { device, image_url };
        let remember = |node: &mut Node| {
            node.relayed_media.retain(|known| known.key != relayed.key);
            node.relayed_media.push(relayed);
        };
        self.begin_with(task, wish, remember).await
    }

    /// What the BMC is to read from here: under the URL that it knows already, where it was told to read this before.
    fn relayed(
        &self,
        node: &Node,
        device: String,
        url: String,
    ) -> Result<(RelayedMedia, String), RequestError> {
        let base = self.settings().provision_base().ok_or_else(|| {
            RequestError::Invalid(
                "an image that the BMC does not fetch itself is served by the provisioning listener, and there is none: \
                 set image_download_source to http, or provision.listen in the conductor's configuration"
                    .to_owned(),
            )
        })?;
        let mut known = node.relayed_media.iter();
        let known = known.find(|known| known.device == device && known.url == url);
        let relayed = known.cloned().unwrap_or_else(|| RelayedMedia {
            key: self.new_id(),
            device,
            url,
            was_put_in: false,
        });
        let address = relayed.address(base, node.uuid);
        Ok((relayed, address))
    }

    fn media_of(&self, node: &Node) -> Result<Arc<dyn VirtualMedia>, RequestError> {
        let hardware = self
            .hardware(node)
            .map_err(|error| RequestError::Invalid(chain(&error)))?;
        hardware.virtual_media.ok_or_else(|| {
            let interface = node.interface("management").unwrap_or("none");
            RequestError::Invalid(format!(
                "Driver {} does not support virtual media with the management interface {interface}: choose another \
                 management_interface for node {}",
                node.driver, node.uuid
            ))
        })
    }
}

/// As if the BMC fetched the image itself, and whether it does.
fn wish(change: MediaChange) -> (Wish, MediaSource) {
    match change {
        MediaChange::Attach {
            device,
            image_url,
            source,
        } => {
            let device = device.name().to_owned();
            (Wish::AttachMedia { device, image_url }, source)
        }
        MediaChange::Detach { devices } => {
            let names = devices.iter().map(|device| device.name().to_owned());
            (Wish::DetachMedia(names.collect()), MediaSource::Direct)
        }
    }
}
