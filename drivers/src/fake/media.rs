//! The virtual drives of a fake machine: one of each kind, which hold their images' URLs and read nothing.

use async_trait::async_trait;

use super::FakeMachine;
use crate::{BmcError, MediaDevice, MediaSlot, VirtualMedia};

#[async_trait]
impl VirtualMedia for FakeMachine {
    async fn slots(&self) -> Result<Vec<MediaSlot>, BmcError> {
        self.request("reading virtual media").await?;
        let parts = self.parts();
        let slot = |device: MediaDevice| {
            let image = parts.media.get(&device).cloned();
            let media_types = device.media_types().iter();
            MediaSlot {
                media_types: media_types.map(|name| (*name).to_owned()).collect(),
                inserted: Some(image.is_some()),
                image,
            }
        };
        Ok(MediaDevice::ALL.into_iter().map(slot).collect())
    }

    async fn attach(&self, device: MediaDevice, image_url: &str) -> Result<(), BmcError> {
        self.request("attaching virtual media").await?;
        self.parts().media.insert(device, image_url.to_owned());
        self.answer().await;
        Ok(())
    }

    async fn detach(&self, devices: &[MediaDevice]) -> Result<(), BmcError> {
        self.request("detaching virtual media").await?;
        self.parts()
            .media
            .retain(|device, _| !devices.contains(device));
        self.answer().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FakeFault, FakeMachines};

    fn images(slots: &[MediaSlot]) -> Vec<Option<&str>> {
        slots.iter().map(|slot| slot.image.as_deref()).collect()
    }

    #[tokio::test]
    async fn drives_hold_what_was_put_into_them() {
        let machine = FakeMachines::default().machine("a");
        let empty = machine.slots().await.unwrap();
        assert_eq!(images(&empty), [None, None, None]);
        assert_eq!(empty[1].media_types, ["CD", "DVD"]);
        machine
            .attach(MediaDevice::Cdrom, "http://a/1")
            .await
            .unwrap();
        machine
            .attach(MediaDevice::Cdrom, "http://a/2")
            .await
            .unwrap();
        machine
            .attach(MediaDevice::Disk, "http://a/3")
            .await
            .unwrap();
        let full = machine.slots().await.unwrap();
        assert_eq!(
            images(&full),
            [Some("http://a/3"), Some("http://a/2"), None]
        );
        assert_eq!(full[1].inserted, Some(true));
        machine.fail_next([FakeFault::NoAnswer]);
        let refused = machine.detach(&[MediaDevice::Disk]).await;
        assert!(matches!(refused, Err(BmcError::NoAnswer { .. })));
        let devices = [MediaDevice::Cdrom, MediaDevice::Floppy];
        machine.detach(&devices).await.unwrap();
        let left = machine.slots().await.unwrap();
        assert_eq!(images(&left), [Some("http://a/3"), None, None]);
    }
}
