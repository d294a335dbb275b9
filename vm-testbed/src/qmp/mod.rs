//! A small client of QMP, QEMU's control protocol, over any pair of pipes: one JSON document a line each way.
//!
//! QEMU's side are its own stdin and stdout, so there is no socket to find, to clean up or to be too long for a path.

mod message;

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, Lines,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use message::Message;

pub use message::ShutdownReason;

/// QEMU answers in milliseconds; under software emulation on a busy host it may take a while to come up.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
/// More orders than this at once means that somebody loops.
const QUEUE: usize = 16;

/// The handle that orders go through.
#[derive(Clone)]
pub struct Qmp {
    orders: mpsc::Sender<Order>,
}

struct Order {
    command: &'static str,
    arguments: Value,
    answer: oneshot::Sender<anyhow::Result<Value>>,
}

/// The connection itself; somebody must `run` it.
pub struct Connection<R, W> {
    lines: Lines<BufReader<R>>,
    writer: W,
    orders: mpsc::Receiver<Order>,
    waiting: Option<oneshot::Sender<anyhow::Result<Value>>>,
    shutdown: Option<ShutdownReason>,
}

pub fn connect<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    reader: R,
    writer: W,
) -> (Qmp, Connection<R, W>) {
    let (sender, orders) = mpsc::channel(QUEUE);
    let lines = BufReader::new(reader).lines();
    (
        Qmp { orders: sender },
        Connection {
            lines,
            writer,
            orders,
            waiting: None,
            shutdown: None,
        },
    )
}

impl Qmp {
    /// Leaves the negotiation mode in which QEMU starts.
    pub async fn negotiate(&self) -> anyhow::Result<()> {
        self.execute("qmp_capabilities", json!({})).await.map(drop)
    }

    pub async fn execute(&self, command: &'static str, arguments: Value) -> anyhow::Result<Value> {
        let (answer, answered) = oneshot::channel();
        let order = Order {
            command,
            arguments,
            answer,
        };
        let exchange = async {
            self.orders
                .send(order)
                .await
                .map_err(|_| anyhow!("QEMU has ended"))?;
            answered
                .await
                .map_err(|_| anyhow!("QEMU ended before it answered"))?
        };
        let answer = timeout(ANSWER_DEADLINE, exchange).await;
        answer
            .unwrap_or_else(|_| bail!("QEMU did not answer in time"))
            .with_context(|| format!("ordering {command}"))
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    /// Carries orders and answers until QEMU closes its side; returns why QEMU said that it stops.
    pub async fn run(mut self) -> anyhow::Result<Option<ShutdownReason>> {
        loop {
            // One order at a time: QMP answers in order, and an answer then needs no matching.
            let ready = self.waiting.is_none();
            tokio::select! {
                biased;
                line = self.lines.next_line() => match line.context("reading from QEMU")? {
                    Some(line) => self.hear(&line)?,
                    None => return Ok(self.shutdown),
                },
                Some(order) = self.orders.recv(), if ready => self.say(order).await?,
            }
        }
    }

    fn hear(&mut self, line: &str) -> anyhow::Result<()> {
        let message: Message =
            serde_json::from_str(line).with_context(|| format!("parsing QEMU's {line:?}"))?;
        let answer = match message {
            Message::Greeting { .. } => return Ok(()),
            Message::Event { event, data } => {
                tracing::debug!(event, %data, "QEMU event");
                match event.as_str() {
                    "SHUTDOWN" => self.shutdown = Some(ShutdownReason::of_event(&data)),
                    // The BMC goes on to say that the machine is on, so that this line is the only trace.
                    "BLOCK_IO_ERROR" => tracing::warn!(%data, "a disk of the machine failed"),
                    "STOP" => tracing::warn!(
                        "QEMU has paused the machine (is there space for its disks?)"
                    ),
                    _ => {}
                }
                return Ok(());
            }
            Message::Return { value } => Ok(value),
            Message::Error { error } => Err(anyhow!("QEMU refused: {}", error.desc)),
        };
        if let Some(asker) = self.waiting.take() {
            // Nobody listens any more when the asker's deadline has passed.
            drop(asker.send(answer));
        }
        Ok(())
    }

    async fn say(&mut self, order: Order) -> anyhow::Result<()> {
        let line = format!(
            "{}\n",
            json!({"execute": order.command, "arguments": order.arguments})
        );
        self.waiting = Some(order.answer);
        self.writer
            .write_all(line.as_bytes())
            .await
            .context("writing to QEMU")?;
        self.writer.flush().await.context("writing to QEMU")
    }
}

#[cfg(test)]
mod tests;
