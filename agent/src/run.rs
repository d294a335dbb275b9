//! Runs another program, with a bound on its time and on its output. The only place that does.
//!
//! Nothing goes through a shell, and every error names the command.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

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
    let mut child = spawn(program, arguments).map_err(start)?;
    let deadline = Instant::now() + limits.time;
    let stdout = collect(child.stdout.take(), limits.output_bytes);
    let stderr = collect(child.stderr.take(), limits.output_bytes);
    let output = received(&stdout, deadline).zip(received(&stderr, deadline));
    let Some((stdout, stderr)) = output else {
        end(&mut child);
        let seconds = limits.time.as_secs();
        return Err(RunError::TooSlow {
            command: command(),
            seconds,
        });
    };
    // Both pipes are closed, so the program is ending.
    let status = child.wait().map_err(start)?;
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

fn end(child: &mut Child) {
    if let Err(error) = child.kill().and_then(|()| child.wait()) {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "ending a program that took too long"
        );
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
    fn output_beyond_the_limit_is_dropped() {
        let limits = Limits {
            time: Duration::from_secs(20),
            output_bytes: 3,
        };
        let output = run_within("seq", &["100000"], limits).unwrap();
        assert_eq!(output.stdout, b"1\n2");
    }
}
