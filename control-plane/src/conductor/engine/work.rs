//! Node work in the background: tracked, so that a stop can wait for it, and isolated, so that a panic ends one task.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio_util::task::TaskTracker;

/// The tasks that work on nodes.
#[derive(Default)]
pub(in crate::conductor) struct Work {
    tasks: TaskTracker,
    #[cfg(test)]
    handles: parking_lot::Mutex<Vec<tokio::task::AbortHandle>>,
}

impl Work {
    pub(in crate::conductor) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let handle = self.tasks.spawn(Box::pin(task));
        #[cfg(test)]
        self.handles.lock().push(handle.abort_handle());
        drop(handle);
    }

    /// Waits until all that has been started has ended.
    pub(in crate::conductor) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// What SIGKILL does: everything stops where it stands.
    #[cfg(test)]
    pub(in crate::conductor) fn kill(&self) {
        for handle in self.handles.lock().drain(..) {
            handle.abort();
        }
    }
}

/// Runs to the end or to a panic, whose message is the error.
pub(in crate::conductor) async fn contained<T>(work: impl Future<Output = T>) -> Result<T, String> {
    // What is done to a node is larger than a thread's stack takes several of.
    AssertUnwindSafe(Box::pin(work))
        .catch_unwind()
        .await
        .map_err(|panic| {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            text.or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "a panic".to_owned())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_value() {
        let outcome = contained(async { panic!("no such disk") }).await;
        assert_eq!(outcome, Err::<(), _>("no such disk".to_owned()));
        assert_eq!(contained(async { 3 }).await, Ok(3));
    }
}
