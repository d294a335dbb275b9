//! Runs another program, with a bound on its time and on its output. The only place that does, but for hardware managers.
//!
//! Nothing goes through a shell, and every error names the command.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(5);
/// How long a killed program is waited for.
const END_TIME: Duration = Duration::from_secs(1);

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
    let command = || [&[program], arguments].concat().join(" ");
    let start = |source| RunError::Start {
        command: command(),
        source,
    };
    let too_slow = || RunError::TooSlow {
        command: command(),
        seconds: limits.time.as_secs(),
    };
    let mut child = spawn(program, arguments).map_err(start)?;
    let deadline = Instant::now() + limits.time;
    let stdout = collect(child.stdout.take(), limits.output_bytes);
    let stderr = collect(child.stderr.take(), limits.output_bytes);
    let output = received(&stdout, deadline).zip(received(&stderr, deadline));
    let Some((stdout, stderr)) = output else {
        end(child);
        return Err(too_slow());
    };
    let Some(status) = ended(&mut child, deadline).map_err(start)? else {
        end(child);
        return Err(too_slow());
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

fn received(receiver: &Receiver<Vec<u8>>, deadline: Instant) -> Option<Vec<u8>> {
    let left = deadline.saturating_duration_since(Instant::now());
    receiver.recv_timeout(left).ok()
}

/// The status of the program, if it ends before the deadline.
#[expect(
    clippy::disallowed_methods,
    reason = "nothing but a signal tells of the end of a program, and the deadline is here"
)]
fn ended(child: &mut Child, deadline: Instant) -> std::io::Result<Option<ExitStatus>> {
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() >= deadline {
            return Ok(status);
        }
        std::thread::sleep(POLL);
    }
}

/// A program that hangs in the kernel dies only when its disk answers; nobody waits for that.
fn end(mut child: Child) {
    let gone = child
        .kill()
        .and_then(|()| ended(&mut child, Instant::now() + END_TIME));
    match gone {
        Ok(Some(_)) => {}
        Ok(None) => {
            tracing::warn!(
                pid = child.id(),
                "a program does not end although it was killed"
            );
            std::thread::spawn(move || drop(child.wait()));
        }
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "ending a program that took too long"
        ),
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
