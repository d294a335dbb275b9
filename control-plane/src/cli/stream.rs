//! A stream of events that is taken up again when it ends, behind the last event that came.

use super::client::{Client, ClientError};
use super::output::line;
use futures_util::{Stream, StreamExt};
use serde_json::Value;
use std::ops::ControlFlow;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// A conductor that is started anew may take so long to answer again.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(1);
/// The server sends a sign of life every 15 s; without any the connection is dead, whatever TCP believes.
const SILENCE: Duration = Duration::from_secs(45);

/// Shows every event of the path (which ends in `?` or an argument) behind `after`, until `visit` has seen enough.
/// `None`: from where the server begins, at first.
pub(super) async fn each(
    client: &Client,
    path: &str,
    mut after: Option<u64>,
    mut visit: impl FnMut(&Value) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<()> {
    loop {
        let answer = open(client, path, after).await?;
        let mut chunks = answer.bytes_stream();
        let mut buffer = Vec::new();
        while let Some(Ok(chunk)) = next(&mut chunks).await {
            buffer.extend_from_slice(&chunk);
            while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
                let message: Vec<u8> = buffer.drain(..end + 2).collect();
                let Some(event) = event_of(&String::from_utf8_lossy(&message)) else {
                    continue;
                };
                after = event["sequence"].as_u64().or(after);
                if visit(&event)?.is_break() {
                    return Ok(());
                }
            }
        }
        sleep(PAUSE).await;
    }
}

/// Goes on asking for a while where nobody answers: the conductor may just be started anew.
async fn open(
    client: &Client,
    path: &str,
    after: Option<u64>,
) -> anyhow::Result<reqwest::Response> {
    let path = match after {
        Some(after) => format!("{path}&after={after}"),
        None => path.to_owned(),
    };
    let began = Instant::now();
    let mut told = false;
    loop {
        match client.stream(&path).await {
            Err(
                error @ (ClientError::Unreachable { .. }
                | ClientError::Silent { .. }
                | ClientError::Busy { .. }),
            ) if began.elapsed() < PATIENCE => {
                if !told {
                    line(&format!(
                        "{error}; asking again for {} s",
                        PATIENCE.as_secs()
                    ));
                    told = true;
                }
                sleep(PAUSE).await;
            }
            outcome => return Ok(outcome?),
        }
    }
}

/// The next piece of the stream; `None` at its end, also when that is only known by a long silence.
async fn next<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> Option<T> {
    timeout(SILENCE, stream.next()).await.ok().flatten()
}

/// The JSON in the `data:` lines of one server-sent event; comments and heartbeats have none.
fn event_of(message: &str) -> Option<Value> {
    let data: Vec<&str> = message
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .collect();
    serde_json::from_str(&data.join("\n")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test(start_paused = true)]
    async fn a_silent_stream_ends() {
        let began = Instant::now();
        let mut silent = futures_util::stream::pending::<u8>();
        assert_eq!(next(&mut silent).await, None);
        assert!(began.elapsed() > Duration::from_secs(15), "keep-alives");
        let mut speaking = futures_util::stream::iter([7]);
        assert_eq!(next(&mut speaking).await, Some(7));
    }

    #[test]
    fn events_in_a_stream() {
        assert_eq!(
            event_of("id: 3\ndata: {\"sequence\": 3}\n\n"),
            Some(json!({ "sequence": 3 }))
        );
        assert_eq!(event_of(": keep-alive\n\n"), None);
    }
}
