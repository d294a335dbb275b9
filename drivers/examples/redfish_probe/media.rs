//! Virtual media: an image that this program serves.

use ferric_drivers::{BmcError, Hardware, MediaDevice, MediaSlot, VirtualMedia};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{Outcome, step};

/// An image of our own goes into a drive and out of it; a BMC without drives says so.
pub(crate) async fn try_drives(hardware: &Hardware) -> Outcome {
    let media = hardware.virtual_media.as_deref();
    let media = media.ok_or("redfish has virtual media")?;
    match media.slots().await {
        Err(error @ BmcError::NotOffered { .. }) => {
            step(&format!("no virtual media: {error}"));
            return Ok(());
        }
        other => step(&format!("{} virtual drives", other?.len())),
    }
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/probe.iso", listener.local_addr()?);
    tokio::select! {
        biased;
        outcome = in_and_out(media, &url) => outcome,
        broken = serve(&listener) => broken,
    }
}

async fn in_and_out(media: &dyn VirtualMedia, url: &str) -> Outcome {
    let holds = async || -> Result<bool, BmcError> {
        let slots = media.slots().await?;
        let is_it =
            |slot: &MediaSlot| slot.inserted == Some(true) && slot.image.as_deref() == Some(url);
        Ok(slots.iter().any(is_it))
    };
    // The second time in the place of the first.
    for _ in 0..2 {
        media.attach(MediaDevice::Cdrom, url).await?;
        if !holds().await? {
            return Err("an image was attached, and no drive shows it".into());
        }
    }
    for _ in 0..2 {
        media.detach(&[MediaDevice::Cdrom]).await?;
        if holds().await? {
            return Err("an image was detached, and a drive shows it".into());
        }
    }
    step("an image attached and detached");
    Ok(())
}

/// The same few bytes for every request, for as long as it is polled.
async fn serve(listener: &TcpListener) -> Outcome {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await?;
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nprobe";
        stream.write_all(answer).await?;
        stream.shutdown().await?;
    }
}
