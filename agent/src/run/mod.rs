//! Runs another program, with a bound on its time and on its output. The only place that does, but for hardware managers.
//!
//! Nothing goes through a shell, and every error names the command.

pub(crate) mod group;

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::image::Stop;

const POLL: Duration = Duration::from_millis(5);
/// Between two looks at the wish to end.
const LOOK: Duration = Duration::from_millis(200);
/// What a program that can be stopped has to end in order.
const GRACE: Duration = Duration::from_secs(5);

/// What a program may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub time: Duration,
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            output_bytes: 4 << 20,
        }
    }
}

/// What a program wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("starting `{command}`")]
    Start {
        command: String,
        #[source]
        source: std::io::Error,
    },
    #[error("`{command}` did not end within {seconds} s")]
    TooSlow { command: String, seconds: u64 },
    #[error("`{command}` ended with {status}: {stderr}")]
    Failed {
        command: String,
        status: ExitStatus,
        stderr: String,
    },
    #[error("`{command}` was ended because the agent ends")]
    Stopped { command: String },
}

impl RunError {
    /// The same with another name for the command, where its arguments are not to be shown.
    #[must_use]
    pub(crate) fn called(self, name: &str) -> Self {
        let command = name.to_owned();
        match self {
            Self::Start { source, .. } => Self::Start { command, source },
            Self::TooSlow { seconds, .. } => Self::TooSlow { command, seconds },
            Self::Failed { status, stderr, .. } => Self::Failed {
                command,
                status,
                stderr,
            },
            Self::Stopped { .. } => Self::Stopped { command },
        }
    }
}

/// Runs a program to its end; a status other than 0 is an error.
///
/// # Errors
/// When the program cannot be started, fails or takes too long.
pub fn run(program: &str, arguments: &[&str]) -> Result<Output, RunError> {
    run_within(program, arguments, Limits::default())
}

/// Runs a program within limits. Output beyond the limit is read and dropped, so the program does not hang.
///
/// # Errors
/// When the program cannot be started, fails or takes too long.
pub fn run_within(program: &str, arguments: &[&str], limits: Limits) -> Result<Output, RunError> {
    run_to_end(program, arguments, limits, None)
}

/// The same for a program that works for long: with the wish to stop, or when its time is over, it is asked to end
/// before it is killed. What podman is asked it asks its container.
///
/// # Errors
/// When the program cannot be started, fails, takes too long or is stopped.
pub(crate) fn run_until(
    program: &str,
    arguments: &[&str],
    limits: Limits,
    stop: &Stop,
) -> Result<Output, RunError> {
    run_to_end(program, arguments, limits, Some(stop))
}

fn run_to_end(
    program: &str,
    arguments: &[&str],
    limits: Limits,
    stop: Option<&Stop>,
) -> Result<Output, RunError> {
    let is_stopped = || stop.is_some_and(Stop::is_requested);
    let command = || [&[program], arguments].concat().join(" ");
    let start = |source| RunError::Start {
        command: command(),
        source,
    };
    let ended_early = |child| {
        let is_stopped = is_stopped();
        group::end(child, stop.map_or(Duration::ZERO, |_| GRACE));
        if is_stopped {
            return RunError::Stopped { command: command() };
        }
        RunError::TooSlow {
            command: command(),
            seconds: limits.time.as_secs(),
        }
    };
    if is_stopped() {
        return Err(RunError::Stopped { command: command() });
    }
    let mut child = spawn(program, arguments).map_err(start)?;
    let deadline = Instant::now() + limits.time;
    let stdout = collect(child.stdout.take(), limits.output_bytes);
    let stderr = collect(child.stderr.take(), limits.output_bytes);
    let received = |pipe| received(pipe, deadline, &is_stopped);
    let Some((stdout, stderr)) = received(&stdout).zip(received(&stderr)) else {
        return Err(ended_early(child));
    };
    let ended = ended(&mut child, deadline, &is_stopped);
    let Some(status) = ended.map_err(start)? else {
        return Err(ended_early(child));
    };
    if status.success() {
        return Ok(Output { stdout, stderr });
    }
    let stderr = String::from_utf8_lossy(&stderr).trim().to_owned();
    Err(RunError::Failed {
        command: command(),
        status,
        stderr,
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the helper that all others use"
)]
fn spawn(program: &str, arguments: &[&str]) -> std::io::Result<Child> {
    Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        // What it starts ends with it, where it must be ended.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

/// Reads on a thread of its own, because a program blocks when one of its two pipes is full.
fn collect(pipe: Option<impl Read + Send + 'static>, limit: u64) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before an error is still worth having, and nobody may wait for it any more.
            drop(pipe.by_ref().take(limit).read_to_end(&mut kept));
            drop(std::io::copy(&mut pipe, &mut std::io::sink()));
        }
        drop(sender.send(kept));
    });
    receiver
}

/// What was read, once there is no more; `None` if the time is over before, or somebody wants an end.
fn received(
    receiver: &Receiver<Vec<u8>>,
    deadline: Instant,
    is_stopped: &dyn Fn() -> bool,
) -> Option<Vec<u8>> {
    while !is_stopped() {
        let left = deadline.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(left.min(LOOK)) {
            Ok(bytes) => return Some(bytes),
            Err(RecvTimeoutError::Timeout) if left > LOOK => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}

/// The status of the program, if it ends before the deadline and before somebody wants an end.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing but a signal tells of the end of a program, and the deadline is here"
)]
fn ended(
    child: &mut Child,
    deadline: Instant,
    is_stopped: &dyn Fn() -> bool,
) -> std::io::Result<Option<ExitStatus>> {
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() >= deadline || is_stopped() {
            return Ok(status);
        }
        std::thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_a_program_is_returned() {
        let output = run("echo", &["one", "two three"]).unwrap();
        assert_eq!(output.stdout, b"one two three\n");
    }

    #[test]
    fn a_failure_names_the_command_and_what_it_said() {
        let error = run("ls", &["/no/such/place"]).unwrap_err().to_string();
        assert!(
            error.starts_with("`ls /no/such/place` ended with"),
            "{error}"
        );
        assert!(error.contains("No such file"), "{error}");
        let error = run("no-such-program", &[]).unwrap_err().to_string();
        assert_eq!(error, "starting `no-such-program`");
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let limits = Limits {
            time: Duration::from_millis(50),
            output_bytes: 10,
        };
        let begun = Instant::now();
        let error = run_within("sleep", &["30"], limits).unwrap_err();
        assert!(matches!(error, RunError::TooSlow { .. }));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_program_that_closes_its_output_and_stays_is_ended() {
        let limits = Limits {
            time: Duration::from_millis(100),
            output_bytes: 10,
        };
        let begun = Instant::now();
        let arguments = ["-c", "exec sleep 30 >&- 2>&-"];
        let error = run_within("sh", &arguments, limits).unwrap_err();
        assert!(matches!(error, RunError::TooSlow { .. }), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    fn is_gone(pid: &str) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.is_empty() || stat.contains(") Z ")
    }

    /// The number of a child that a script has written, once it is there.
    fn written(path: &std::path::Path) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            if text.ends_with('\n') {
                return text.trim().to_owned();
            }
            assert!(Instant::now() < deadline, "no number was written");
            std::thread::park_timeout(POLL);
        }
    }

    #[test]
    fn what_a_program_has_started_ends_with_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        let script = format!("sleep 30 & echo $! >{}; wait", path.display());
        let limits = Limits {
            time: Duration::from_secs(1),
            output_bytes: 10,
        };
        let error = run_within("sh", &["-c", &script], limits).unwrap_err();
        assert!(matches!(error, RunError::TooSlow { .. }), "{error}");
        let pid = written(&path);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is_gone(&pid) {
            assert!(Instant::now() < deadline, "a child lives on");
            std::thread::park_timeout(POLL);
        }
    }

    #[test]
    fn a_program_that_is_stopped_may_end_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let (path, ended) = (directory.path().join("pid"), directory.path().join("ended"));
        let script = format!(
            "trap 'echo >{}; exit 1' TERM; sleep 30 & echo $! >{}; wait",
            ended.display(),
            path.display()
        );
        let stop = Stop::default();
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let run = || run_until("sh", &["-c", &script], Limits::default(), &stop);
            let running = scope.spawn(run);
            written(&path);
            stop.request();
            let error = running.join().unwrap().unwrap_err().called("sh");
            assert_eq!(error.to_string(), "`sh` was ended because the agent ends");
        });
        assert!(ended.exists());
        let error = run_until("sh", &["-c", "exit 0"], Limits::default(), &stop).unwrap_err();
        assert!(matches!(error, RunError::Stopped { .. }), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn output_beyond_the_limit_is_dropped() {
        let limits = Limits {
            time: Duration::from_secs(20),
            output_bytes: 3,
        };
        let output = run_within("seq", &["100000"], limits).unwrap();
        assert_eq!(output.stdout, b"1\n2");
    }
}
