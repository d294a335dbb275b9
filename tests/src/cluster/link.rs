//! A stretch of network that can be cut: what is sent over it then comes nowhere, and arrives when it is mended, as
//! after a partition. Nobody is told.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Passes connections on to one address.
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    passes: watch::Sender<bool>,
    connections: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Link {
    pub(crate) async fn start(on: IpAddr, to: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((on, 0)).await?;
        let address = listener.local_addr()?;
        let (passes, open) = watch::channel(true);
        let connections = Arc::<AtomicUsize>::default();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, to, open, connections.clone()));
        Ok(Self {
            address,
            passes,
            connections,
            _serving: serving,
        })
    }

    pub(crate) fn cut(&self) {
        self.passes.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.passes.send_replace(true);
    }

    /// How many were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn serve(
    listener: TcpListener,
    to: SocketAddr,
    open: watch::Receiver<bool>,
    count: Arc<AtomicUsize>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                count.fetch_add(1, Ordering::SeqCst);
                connections.spawn(carry(stream, to, open.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Until both ends have closed, or one broke.
async fn carry(near: TcpStream, to: SocketAddr, open: watch::Receiver<bool>) {
    passage(&open).await;
    let Ok(far) = TcpStream::connect(to).await else {
        return;
    };
    for stream in [&near, &far] {
        stream.set_nodelay(true).unwrap_or_default();
    }
    let (mut near_read, mut near_write) = near.into_split();
    let (mut far_read, mut far_write) = far.into_split();
    tokio::join!(
        pump(&mut near_read, &mut far_write, &open),
        pump(&mut far_read, &mut near_write, &open),
    );
}

async fn pump(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    open: &watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let length = from.read(&mut buffer).await.unwrap_or(0);
        passage(open).await;
        if length == 0 || to.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
    to.shutdown().await.unwrap_or_default();
}

async fn passage(open: &watch::Receiver<bool>) {
    // An error: the link is gone, and with it whoever waits here.
    drop(open.clone().wait_for(|passes| *passes).await);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const LONG: Duration = Duration::from_secs(20);
    /// No test waits so long for something to happen: that nothing does has no other sign.
    const MOMENT: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn what_is_sent_over_a_cut_link_arrives_when_it_is_mended() {
        let loopback = IpAddr::from([127, 0, 0, 1]);
        let server = TcpListener::bind((loopback, 0)).await.unwrap();
        let link = Link::start(loopback, server.local_addr().unwrap());
        let link = link.await.unwrap();
        let mut client = TcpStream::connect(link.address).await.unwrap();
        let (mut served, _) = timeout(LONG, server.accept()).await.unwrap().unwrap();
        link.cut();
        client.write_all(b"x").await.unwrap();
        let mut got = [0];
        let early = timeout(MOMENT, served.read(&mut got)).await;
        assert!(early.is_err(), "{early:?}");
        let _second = TcpStream::connect(link.address).await.unwrap();
        let early = timeout(MOMENT, server.accept()).await;
        assert!(early.is_err(), "{early:?}");
        link.mend();
        timeout(LONG, served.read_exact(&mut got))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(got, *b"x");
        timeout(LONG, server.accept()).await.unwrap().unwrap();
        drop(client);
        let end = timeout(LONG, served.read(&mut got)).await.unwrap();
        assert_eq!(end.unwrap(), 0);
    }
}
