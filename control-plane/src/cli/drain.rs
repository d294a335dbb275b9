//! `ferric drain`: has a conductor hand its nodes over and end, and waits for that.

use super::client::{Client, ClientError};
use super::output::line;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const PATH: &str = "/ferric/v1/drain";
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub(super) struct Drain {
    /// The API of the conductor that is to leave, and of no other one.
    #[arg(long, env = "FERRIC_URL", default_value = "http://127.0.0.1:6385")]
    url: String,
    /// Wait until it has ended.
    #[arg(long)]
    wait: bool,
    /// For how many seconds at most.
    #[arg(long, value_name = "SECONDS", default_value_t = 120, requires = "wait")]
    timeout: u64,
}

pub(super) async fn run(drain: Drain) -> anyhow::Result<()> {
    let client = Client::new(&drain.url)?;
    let told = client.send(Method::POST, PATH, None).await?;
    let host = text(&told, "conductor");
    line(&format!(
        "{host} leaves: it ends the steps in hand, hands its nodes over to other conductors, and ends"
    ));
    if drain.wait {
        let limit = Duration::from_secs(drain.timeout);
        let outcome = ended(&client, &host, limit, |said| line(&said)).await?;
        line(&outcome.said(&host));
    }
    Ok(())
}

/// What became of the conductor, and how many nodes it had when it was seen last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Gone { nodes: u64 },
    StartedAgain,
}

impl Outcome {
    fn said(self, host: &str) -> String {
        match self {
            Self::Gone { nodes: 0 } => format!("{host} has ended"),
            Self::Gone { nodes } => format!(
                "{host} has ended, with {nodes} nodes when it was seen last: those that no other conductor takes go on when it is started again"
            ),
            Self::StartedAgain => format!("{host} has ended, and has been started again"),
        }
    }
}

/// Waits until the conductor does not answer any more, which it does to its end.
async fn ended(
    client: &Client,
    host: &str,
    limit: Duration,
    mut say: impl FnMut(String),
) -> Result<Outcome, ClientError> {
    let (began, mut seen) = (Instant::now(), None);
    loop {
        match client.get(PATH).await {
            Ok(state) if state["draining"] != true || text(&state, "conductor") != host => {
                return Ok(Outcome::StartedAgain);
            }
            Ok(state) => {
                let nodes = state["nodes"].as_u64().unwrap_or_default();
                if seen.replace(nodes) != Some(nodes) {
                    say(format!("{host} has {nodes} nodes"));
                }
            }
            Err(ClientError::Unreachable { source, .. }) if source.is_connect() => {
                let nodes = seen.unwrap_or_default();
                return Ok(Outcome::Gone { nodes });
            }
            // It ends in the middle of an answer.
            Err(
                ClientError::Unreachable { .. }
                | ClientError::Silent { .. }
                | ClientError::Busy { .. }
                | ClientError::Answer { .. },
            ) => {}
            Err(error) => return Err(error),
        }
        if began.elapsed() >= limit {
            let message = format!(
                "{host} has not ended within {} s: it may still do so",
                limit.as_secs()
            );
            return Err(ClientError::Busy {
                message,
                retry_after: None,
            });
        }
        sleep(PAUSE).await;
    }
}

fn text(body: &Value, key: &str) -> String {
    body[key].as_str().unwrap_or("the conductor").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use axum::{Json, Router};
    use parking_lot::Mutex;
    use serde_json::json;
    use std::sync::Arc;
    use tokio::net::TcpListener;
    use tokio::task::JoinSet;
    use tokio_util::sync::CancellationToken;

    /// A conductor that answers with these one after the other, and then ends. Answers its URL.
    async fn conductor(answers: Vec<Value>) -> (String, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (left, end) = (Arc::new(Mutex::new(answers)), CancellationToken::new());
        let over = end.clone();
        let answer = move || {
            let mut left = left.lock();
            let answer = left.remove(0);
            if left.is_empty() {
                over.cancel();
            }
            std::future::ready(Json(answer))
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let router = Router::new().route(PATH, get(answer));
            let serving = axum::serve(listener, router);
            let until = async move { end.cancelled().await };
            serving.with_graceful_shutdown(until).await.unwrap();
        });
        (url, tasks)
    }

    fn state(draining: bool, nodes: u64) -> Value {
        json!({"conductor": "one", "draining": draining, "nodes": nodes})
    }

    async fn check(answers: Vec<Value>, expected: Outcome, says: &[&str]) {
        crate::tls::install_provider();
        let (url, _tasks) = conductor(answers).await;
        let client = Client::new(&url).unwrap();
        let (mut said, limit) = (Vec::new(), Duration::from_secs(60));
        let outcome = ended(&client, "one", limit, |text| said.push(text)).await;
        assert_eq!(outcome.unwrap(), expected);
        assert_eq!(said, says);
    }

    #[tokio::test]
    async fn its_end_is_waited_for() {
        let answers = vec![state(true, 2), state(true, 2), state(true, 0)];
        let says = ["one has 2 nodes", "one has 0 nodes"];
        check(answers, Outcome::Gone { nodes: 0 }, &says).await;
        let lonely = vec![state(true, 2)];
        check(lonely, Outcome::Gone { nodes: 2 }, &says[..1]).await;
    }

    #[tokio::test]
    async fn one_that_is_started_again_at_once_has_ended_too() {
        let answers = vec![state(true, 1), state(false, 0), state(false, 0)];
        check(answers, Outcome::StartedAgain, &["one has 1 nodes"]).await;
    }

    #[tokio::test]
    async fn it_is_not_waited_for_for_ever() {
        crate::tls::install_provider();
        let (url, _tasks) = conductor(vec![state(true, 1), state(true, 1)]).await;
        let client = Client::new(&url).unwrap();
        let outcome = ended(&client, "one", Duration::ZERO, drop).await;
        let error = outcome.unwrap_err();
        assert!(matches!(error, ClientError::Busy { .. }), "{error:?}");
    }
}
