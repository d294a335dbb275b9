//! A server on this machine for the tests of strategies that ask somebody.

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) struct Played {
    pub(crate) url: String,
    _task: JoinSet<()>,
}

impl Played {
    pub(crate) async fn start(router: Router) -> Self {
        crate::tls::install_provider();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut task = JoinSet::new();
        task.spawn(async move {
            let limits = crate::listener::Limits::new(crate::config::Http::default());
            let admission = crate::listener::Admission::Anybody;
            let stop = tokio_util::sync::CancellationToken::new();
            crate::listener::serve(listener, (admission, router), limits, stop).await;
        });
        Self { url, _task: task }
    }
}
