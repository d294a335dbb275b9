//! TCP ports of the host that lead to an address inside the lab.
//!
//! A socket stays in the namespace in which it was made: the listeners are bound before the daemon enters the lab's, the
//! connections they carry on are made after.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::config;

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// A port bound on the host, not yet served.
pub struct Bound {
    listener: std::net::TcpListener,
    to: SocketAddr,
}

pub fn bind(forwards: &[config::Forward]) -> anyhow::Result<Vec<Bound>> {
    forwards.iter().map(bind_one).collect()
}

fn bind_one(forward: &config::Forward) -> anyhow::Result<Bound> {
    let bound = || -> io::Result<Bound> {
        let listener = std::net::TcpListener::bind(forward.listen)?;
        listener.set_nonblocking(true)?;
        Ok(Bound {
            listener,
            to: forward.to,
        })
    };
    bound().with_context(|| format!("binding forwarded port {}", forward.listen))
}

impl Bound {
    pub async fn serve(self) -> anyhow::Result<()> {
        let listener = TcpListener::from_std(self.listener).context("serving a forwarded port")?;
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Ok((client, _)) => { connections.spawn(carry(client, self.to)); }
                    Err(error) => warn!(%error, "accepting on a forwarded port failed"),
                },
            }
        }
    }
}

async fn carry(mut client: TcpStream, to: SocketAddr) {
    let connected = timeout(CONNECT_DEADLINE, TcpStream::connect(to)).await;
    // A dropped client sees its connection reset, which is what a closed port in the lab means.
    let Ok(Ok(mut server)) = connected else {
        debug!(%to, "nobody answers a forwarded connection");
        return;
    };
    if let Err(error) = tokio::io::copy_bidirectional(&mut client, &mut server).await {
        debug!(%to, %error, "a forwarded connection broke");
    }
}
