//! Work on a thread of its own, waited for until a deadline. A thread that hangs in the kernel cannot be ended: it is
//! left behind, and what it may find later is dropped.

use std::any::Any;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfinished {
    #[error("starting a thread")]
    NotStarted(#[source] io::Error),
    #[error("no result after {0:?}")]
    TooSlow(Duration),
    #[error("panicked: {0}")]
    Panicked(String),
}

/// Work that has begun.
pub(crate) struct Running<T> {
    receiver: Receiver<T>,
    thread: JoinHandle<()>,
    time: Duration,
    deadline: Instant,
}

impl<T: Send + 'static> Running<T> {
    /// The time runs from now on.
    pub(crate) fn start(
        name: &str,
        time: Duration,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Self, Unfinished> {
        let (sender, receiver) = channel();
        let thread = Builder::new()
            .name(name.to_owned())
            .spawn(move || drop(sender.send(work())))
            .map_err(Unfinished::NotStarted)?;
        Ok(Self {
            receiver,
            thread,
            time,
            deadline: Instant::now() + time,
        })
    }

    /// Waits for the result, or for the deadline.
    pub(crate) fn outcome(self) -> Result<T, Unfinished> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.receiver.recv_timeout(left) {
            Ok(result) => Ok(result),
            Err(RecvTimeoutError::Timeout) => Err(Unfinished::TooSlow(self.time)),
            // Only a panic drops the sender before it has sent something.
            Err(RecvTimeoutError::Disconnected) => {
                let panic = self.thread.join().err();
                let text = panic.as_deref().and_then(message);
                Err(Unfinished::Panicked(
                    text.unwrap_or("without a message").to_owned(),
                ))
            }
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> Option<&str> {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
}
