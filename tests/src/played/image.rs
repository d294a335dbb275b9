//! The web server that the image comes from: some KB, with a digest. It takes its time, and notes who asked what.

use super::agent::{AFTER, BEFORE};
use super::serve::{Reply, reply, serve};
use super::trace::{Seen, Traces};
use hyper::Method;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Served under `/NAME/os.raw`, so that each machine's requests can be told apart.
pub struct ImageServer {
    pub base: String,
    pub sha256: String,
    pub content: Arc<[u8]>,
    _server: JoinSet<()>,
}

impl ImageServer {
    pub async fn start(traces: Arc<Traces>) -> anyhow::Result<Self> {
        let content: Vec<u8> = (0..24_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut sha256 = String::new();
        for byte in Sha256::digest(&content) {
            write!(sha256, "{byte:02x}")?;
        }
        let content: Arc<[u8]> = content.into();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let served = content.clone();
        let mut server = JoinSet::new();
        server.spawn(serve(listener, None, move |request| {
            let (content, traces) = (served.clone(), traces.clone());
            async move {
                let is_question = request.method() == Method::HEAD;
                let name = request.uri().path().trim_start_matches('/');
                let name = name.split('/').next().unwrap_or_default().to_owned();
                answer(&content, is_question.then_some((&*traces, &*name))).await
            }
        }));
        Ok(Self {
            base,
            sha256,
            content,
            _server: server,
        })
    }
}

/// The conductor asks what there is (HEAD), the machine takes it (GET).
async fn answer(content: &[u8], question: Option<(&Traces, &str)>) -> Reply {
    let Some((traces, name)) = question else {
        return reply(200, content.to_vec());
    };
    sleep(BEFORE).await;
    traces.note(name, Seen::Image);
    sleep(AFTER).await;
    let mut answer = reply(200, "");
    answer
        .headers_mut()
        .insert(hyper::header::CONTENT_LENGTH, content.len().into());
    answer
}
