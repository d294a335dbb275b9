//! How soon an agent says that it is there: from the start of its process to its first heartbeat, against a conductor
//! of this machine that answers at once. Nothing is inspected.

use super::Findings;
use anyhow::{Context, bail};
use ferric_tests::played::serve::{Reply, json as answer, reply, serve};
use ferric_tests::process::{Running, command};
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// The best counts: what else the machine does makes a start slower and never faster.
const STARTS: usize = 5;
const LIMIT: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(60);
const NODE: &str = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";

pub(crate) fn measure(
    program: &Path,
    folder: &Path,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let best = runtime.block_on(best(program, folder))?;
    let text = format!(
        "start of an agent to its first heartbeat, the best of {STARTS}: {} ms of {} ms",
        best.as_millis(),
        LIMIT.as_millis()
    );
    findings.note(&text, best <= LIMIT);
    Ok(())
}

async fn best(program: &Path, folder: &Path) -> anyhow::Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let (sender, mut beats) = unbounded_channel();
    let conductor = serve(listener, None, move |request| play(request, sender.clone()));
    let starts = async {
        let mut best = Duration::MAX;
        for number in 0..STARTS {
            let place = folder.join(format!("agent-{number}"));
            best = best.min(start(program, &place, &url, &mut beats).await?);
        }
        anyhow::Ok(best)
    };
    tokio::select! {
        biased;
        best = starts => best,
        () = conductor => bail!("the played conductor has ended"),
    }
}

/// Starts an agent that remembers nothing, and ends it when it has beaten.
async fn start(
    program: &Path,
    place: &Path,
    url: &str,
    beats: &mut UnboundedReceiver<Instant>,
) -> anyhow::Result<Duration> {
    let (state, settings, line) = (
        place.join("state"),
        place.join("conf"),
        place.join("cmdline"),
    );
    std::fs::create_dir_all(&settings)?;
    std::fs::write(&line, "")?;
    let mut agent = command(program);
    agent.args(["--api-url", url, "--listen", "127.0.0.1:0"]);
    agent.arg("--cmdline").arg(&line);
    agent.arg("--config-dir").arg(&settings);
    agent.arg("--state").arg(&state);
    let begun = Instant::now();
    let running = Running::start("ferric-agent", &mut agent, &place.join("log"))?;
    let Ok(beat) = timeout(PATIENCE, beats.recv()).await else {
        bail!("ferric-agent did not beat: {}", running.tail());
    };
    let beat = beat.context("the played conductor has ended")?;
    running.crash()?;
    // One that has been killed may have sent another.
    while beats.try_recv().is_ok() {}
    Ok(beat.duration_since(begun))
}

async fn play(request: Request<Incoming>, beats: UnboundedSender<Instant>) -> Reply {
    let came = Instant::now();
    let (head, body) = request.into_parts();
    // A connection with something unread on it could not be used again.
    drop(body.collect().await);
    let path = head.uri.path();
    if path.starts_with("/v1/heartbeat/") {
        let status = if beats.send(came).is_ok() { 202 } else { 503 };
        return reply(status, "");
    }
    match path {
        "/" => {
            let version = json!({ "id": "v1", "version": "1.115", "min_version": "1.1" });
            answer(200, &json!({ "default_version": version }))
        }
        "/v1/lookup" => answer(200, &found()),
        _ => reply(404, ""),
    }
}

fn found() -> Value {
    json!({
        "node": {
            "uuid": NODE, "properties": {}, "instance_info": {}, "driver_internal_info": {}, "links": [],
        },
        "config": {
            "heartbeat_timeout": 300, "agent_token": "0123456789012345678901234567890123456789012",
            "agent_token_required": true, "agent_md5_checksum_enable": true, "tls_min_version": "1.3",
        },
    })
}
