//! A program of others as a process, in a process group of its own: it reads its input, its lines are handed on as they
//! come, what it writes to its error output is logged, and nothing of it is left when the call is over.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::log::LogLines;
use crate::image::Stop;
use crate::run::group;

/// A line, and all lines of a call together.
pub(super) const MAX_LINE: u64 = 1 << 20;
pub(super) const MAX_OUTPUT: u64 = 64 << 20;
/// A step may tell for days how far it is.
const MORE_PER_SECOND: u64 = 16 << 10;

const POLL: Duration = Duration::from_millis(20);
/// Between the polite request to end and the other one.
const GRACE: Duration = Duration::from_secs(3);
/// For the last lines of a program that has ended.
const END_TIME: Duration = Duration::from_secs(1);

/// What is to be run.
pub(super) struct Order<'a> {
    pub(super) program: &'a Path,
    pub(super) argument: &'a str,
    pub(super) input: Vec<u8>,
    /// No bound if there is none.
    pub(super) time: Option<Duration>,
}

/// Why a program did not do what it was to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProcessError {
    #[error("it cannot be started")]
    Start(#[source] io::Error),
    #[error("it did not answer within {0:?} and was ended")]
    TooSlow(Duration),
    #[error(
        "it was ended because it wrote more than it may: {} MiB in a line, {} MiB in all",
        MAX_LINE >> 20,
        MAX_OUTPUT >> 20
    )]
    TooMuch,
    #[error("it was ended because the agent ends")]
    Stopped,
    #[error("it ended with {status}: {said}")]
    Failed { status: ExitStatus, said: String },
    #[error("it ended with {0} and did not say why")]
    FailedSilently(ExitStatus),
}

enum Output {
    Line(Vec<u8>),
    TooMuch,
}

/// Runs a program to its end, and ends it where it takes too long, writes too much, or is to stop.
pub(super) fn run(
    order: Order<'_>,
    stop: &Stop,
    on_line: &mut dyn FnMut(&[u8]),
) -> Result<(), ProcessError> {
    if stop.is_requested() {
        return Err(ProcessError::Stopped);
    }
    let mut child = spawn(&order).map_err(ProcessError::Start)?;
    let deadline = order.time.map(|time| (Instant::now() + time, time));
    feed(child.stdin.take(), order.input);
    let output = read_lines(child.stdout.take());
    let log = read_log(child.stderr.take(), order.program);
    if let Err(error) = watch(&child, &output, stop, deadline, on_line) {
        group::end(child, GRACE);
        return Err(error);
    }
    // It has ended, but is not reaped yet, so its number is still that of its group and of no other.
    group::signal(&child, Signal::SIGKILL);
    let rest = drain(&output, on_line);
    let status = child.wait().map_err(ProcessError::Start)?;
    let said = log.recv_timeout(END_TIME).unwrap_or_default();
    if status.success() {
        rest
    } else if said.is_empty() {
        Err(ProcessError::FailedSilently(status))
    } else {
        Err(ProcessError::Failed { status, said })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the run helper gives a program neither an input nor a process group"
)]
fn spawn(order: &Order<'_>) -> io::Result<Child> {
    Command::new(order.program)
        .arg(order.argument)
        .env("LC_ALL", "C")
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// On a thread of its own: a program may read its input late, or never.
fn feed(pipe: Option<ChildStdin>, input: Vec<u8>) {
    if let Some(mut pipe) = pipe {
        std::thread::spawn(move || drop(pipe.write_all(&input)));
    }
}

fn read_lines(pipe: Option<impl Read + Send + 'static>) -> Receiver<Output> {
    // A bound, so that a program cannot fill the memory faster than its lines are understood.
    let (sender, receiver) = sync_channel(64);
    std::thread::spawn(move || {
        let Some(pipe) = pipe else { return };
        let mut pipe = BufReader::new(pipe);
        if send_lines(&mut pipe, &sender).is_none() {
            drop(sender.send(Output::TooMuch));
            // It must be able to write until it is told to end.
            drop(io::copy(&mut pipe, &mut io::sink()));
        }
    });
    receiver
}

/// What a program may have written after this time.
pub(super) fn most_bytes(after: Duration) -> u64 {
    MAX_OUTPUT.saturating_add(after.as_secs().saturating_mul(MORE_PER_SECOND))
}

/// `None` when there was more than a program may write.
fn send_lines(pipe: &mut impl BufRead, sender: &SyncSender<Output>) -> Option<()> {
    let (begun, mut all) = (Instant::now(), 0);
    loop {
        let mut line = Vec::new();
        let read = pipe
            .by_ref()
            .take(MAX_LINE + 1)
            .read_until(b'\n', &mut line);
        let length = line.len() as u64;
        if read.is_err() || length == 0 {
            return Some(());
        }
        all += length;
        if length > MAX_LINE || all > most_bytes(begun.elapsed()) {
            return None;
        }
        if sender.send(Output::Line(line)).is_err() {
            return Some(());
        }
    }
}

/// Hands on the last line when all are logged.
fn read_log(pipe: Option<impl Read + Send + 'static>, program: &Path) -> Receiver<String> {
    let (sender, receiver) = channel();
    let name = program.file_name().unwrap_or_default();
    let mut lines = LogLines::of(&name.to_string_lossy());
    std::thread::spawn(move || {
        if let Some(pipe) = pipe {
            lines.read(&mut BufReader::new(pipe));
        }
        drop(sender.send(lines.last()));
    });
    receiver
}

/// Until the program has ended, or must be ended.
fn watch(
    child: &Child,
    output: &Receiver<Output>,
    stop: &Stop,
    deadline: Option<(Instant, Duration)>,
    on_line: &mut dyn FnMut(&[u8]),
) -> Result<(), ProcessError> {
    let mut is_open = true;
    loop {
        if is_open {
            match output.recv_timeout(POLL) {
                Ok(Output::Line(line)) => on_line(&line),
                Ok(Output::TooMuch) => return Err(ProcessError::TooMuch),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => is_open = false,
            }
        } else {
            stop.pause(POLL);
        }
        if stop.is_requested() {
            return Err(ProcessError::Stopped);
        }
        if let Some((at, time)) = deadline
            && Instant::now() >= at
        {
            return Err(ProcessError::TooSlow(time));
        }
        if group::has_ended(child) {
            return Ok(());
        }
    }
}

/// What was written before the end. Somebody who left the group may hold the output open; nobody waits for that.
fn drain(output: &Receiver<Output>, on_line: &mut dyn FnMut(&[u8])) -> Result<(), ProcessError> {
    let until = Instant::now() + END_TIME;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match output.recv_timeout(left) {
            Ok(Output::Line(line)) => on_line(&line),
            Ok(Output::TooMuch) => return Err(ProcessError::TooMuch),
            Err(_) => return Ok(()),
        }
    }
}
