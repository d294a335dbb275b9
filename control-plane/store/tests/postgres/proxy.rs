//! A network between store and server that can be cut: bytes then go nowhere, and nobody is told.

use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) struct Proxy {
    pub(crate) port: u16,
    cut: Arc<watch::Sender<bool>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let cut = Arc::new(watch::channel(false).0);
        let mut tasks = JoinSet::new();
        let address = listener.local_addr().unwrap();
        let server = SocketAddr::from(([127, 0, 0, 1], port));
        tasks.spawn(accept(listener, server, Arc::clone(&cut)));
        Self {
            port: address.port(),
            cut,
            _tasks: tasks,
        }
    }

    pub(crate) fn cut(&self, cut: bool) {
        self.cut.send_replace(cut);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, cut: Arc<watch::Sender<bool>>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        connections.spawn(carry(client, server, cut.subscribe()));
    }
}

/// Once cut, a connection stays open and silent: as after a partition that both sides have not noticed.
async fn carry(mut client: TcpStream, server: SocketAddr, mut cut: watch::Receiver<bool>) {
    let carrying = async {
        let Ok(mut server) = TcpStream::connect(server).await else {
            return;
        };
        drop(copy_bidirectional(&mut client, &mut server).await);
    };
    let noticed = async {
        drop(cut.wait_for(|cut| *cut).await);
    };
    tokio::select! {
        () = carrying => return,
        () = noticed => {}
    }
    std::future::pending().await
}
