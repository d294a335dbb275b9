//! The one thread that writes. Transactions queue; while one group is synced to the disk the next one gathers, so that
//! under load one sync serves many and a lone commit waits for nobody.

use super::commit::Outcome;
use super::shared::Shared;
use crate::StoreError;
use crate::transaction::Transaction;
use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::sync::{mpsc, oneshot};

/// Commits that wait in the queue before a caller has to wait to get in.
const QUEUE: usize = 1024;
/// Transactions that share a sync: bounds how long the first of a group waits for the others.
const GROUP: usize = 256;

#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

struct Request {
    transaction: Transaction,
    answer: oneshot::Sender<Outcome>,
}

impl Writer {
    pub(super) fn start(shared: Arc<Shared>) -> io::Result<Self> {
        let (queue, requests) = mpsc::channel(QUEUE);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write(&shared, requests))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Answers when the transaction is on the disk. Once it is in the queue it is committed, also when the caller goes away.
    pub(super) async fn commit(&self, transaction: Transaction) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let request = Request {
            transaction,
            answer,
        };
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(request).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    /// Waits for what is in the queue, so that the file is free for the next one who opens it.
    fn drop(&mut self) {
        drop(self.queue.take());
        let Some(thread) = self.thread.take() else {
            return;
        };
        if thread.join().is_err() {
            tracing::error!("the thread that writes the store ended with a panic");
        }
    }
}

fn write(shared: &Shared, mut requests: mpsc::Receiver<Request>) {
    let mut group = Vec::with_capacity(GROUP);
    // Blocks until there is one, then takes what else is there.
    while let Some(first) = requests.blocking_recv() {
        group.push(first);
        while group.len() < GROUP
            && let Ok(next) = requests.try_recv()
        {
            group.push(next);
        }
        let (transactions, answers): (Vec<_>, Vec<_>) = group
            .drain(..)
            .map(|request: Request| (request.transaction, request.answer))
            .unzip();
        let outcomes = shared.commit_group(&transactions);
        for (answer, outcome) in answers.into_iter().zip(outcomes) {
            // Who asked may have gone away; the transaction stands all the same.
            drop(answer.send(outcome));
        }
    }
}

fn gone() -> StoreError {
    StoreError::Backend {
        doing: "handing a transaction to the thread that writes the store",
        source: "the thread has ended".into(),
    }
}
