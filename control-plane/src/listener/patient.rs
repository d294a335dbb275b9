//! A connection whose client must go on taking what it is sent: one that takes too little in too long a time is an error
//! of writing, whatever the answer is. What the kernel still has room for counts as taken, and no time counts in which
//! there was nothing to take.

use super::places::Seat;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How slowly an answer may be taken.
#[derive(Clone, Copy)]
pub(super) struct Pace {
    /// So much at least ...
    pub(super) bytes: u64,
    /// ... in each of these times.
    pub(super) within: Duration,
}

pub(super) struct Patient<S> {
    stream: S,
    pace: Pace,
    seat: Arc<Seat>,
    /// Runs while there is something that the client does not take.
    stall: Option<Pin<Box<Sleep>>>,
    /// What is left of the time, and what was taken in the rest of it.
    left: Duration,
    taken: u64,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, pace: Pace, seat: Arc<Seat>) -> Self {
        Self {
            stream,
            pace,
            seat,
            stall: None,
            left: pace.within,
            taken: 0,
        }
    }

    /// What came of a write, or that too little did for too long.
    fn judge(
        &mut self,
        outcome: Poll<io::Result<usize>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(bytes)) => {
                self.take(bytes);
                outcome
            }
            Poll::Ready(Err(_)) => outcome,
            Poll::Pending => self.wait(context),
        }
    }

    fn take(&mut self, bytes: usize) {
        if let Some(stall) = self.stall.take() {
            self.left = stall.deadline().saturating_duration_since(Instant::now());
        }
        self.taken = self
            .taken
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.taken >= self.pace.bytes {
            (self.left, self.taken) = (self.pace.within, 0);
            self.seat.takes();
        }
    }

    fn wait(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let (left, seat) = (self.left, &self.seat);
        let stall = self.stall.get_or_insert_with(|| {
            seat.falls_behind();
            Box::pin(sleep(left))
        });
        stall.as_mut().poll(context).map(|()| {
            let text = "the client does not take its answer";
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(outcome, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.judge(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Whoever writes does so when nothing is left to write.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        if self.stall.is_none() && matches!(outcome, Poll::Ready(Ok(()))) {
            self.seat.catches_up();
        }
        outcome
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::super::places::Places;
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    const PACE: Pace = Pace {
        bytes: 100,
        within: Duration::from_secs(60),
    };

    /// With so much room for what is not taken yet.
    async fn patient(room: usize) -> (Patient<DuplexStream>, DuplexStream) {
        let (stream, client) = duplex(room);
        let seat = Arc::new(Places::new(1).door(1).enter().await);
        (Patient::new(stream, PACE, seat), client)
    }

    /// Takes so much in each of these times.
    async fn take(client: &mut DuplexStream, bytes: usize, times: u32, each: Duration) {
        for _ in 0..times {
            sleep(each).await;
            client.read_exact(&mut vec![0; bytes]).await.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_is_told_from_one_that_takes_next_to_nothing() {
        let (mut stream, mut client) = patient(10).await;
        let start = Instant::now();
        // An hour for 7 kB, whatever the whole takes.
        let (written, ()) = tokio::join!(
            stream.write_all(&[7; 7000]),
            take(&mut client, 10, 700, Duration::from_secs(5))
        );
        written.unwrap();
        assert!(start.elapsed() > Duration::from_secs(3400));
        let start = Instant::now();
        let refused = tokio::select! {
            biased;
            written = stream.write_all(&[7; 7000]) => written.unwrap_err(),
            () = take(&mut client, 1, 7000, Duration::from_secs(1)) => panic!("it went through"),
        };
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), PACE.within);
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_there_is_nothing_to_take_does_not_count() {
        let (mut stream, mut client) = patient(5).await;
        for _ in 0..20 {
            let late = take(&mut client, 10, 1, Duration::from_secs(2));
            let (written, ()) = tokio::join!(stream.write_all(&[7; 10]), late);
            written.unwrap();
            sleep(PACE.within).await;
        }
        let start = Instant::now();
        let refused = stream.write_all(&[7; 200]).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() <= PACE.within);
    }
}
