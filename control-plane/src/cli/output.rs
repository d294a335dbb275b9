//! The only place that writes to the terminal.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line prints"
)]

use super::Exit;
use super::bulk::SomeFailed;
use super::client::ClientError;
use super::store::FoundWrong;
use super::transfer::Incomplete;
use super::verify_erase::NotGood;
use crate::api::PolicyError;
use crate::config::SettingsError;
use parking_lot::Mutex;
use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

static LAST: Mutex<Last> = Mutex::new(Last::Ended);

/// What was written last: a progress line stays open on a terminal, so that the next one overwrites it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Ended,
    Open,
}

impl Last {
    /// What ends an open line.
    fn end(&mut self) -> &'static str {
        match std::mem::replace(self, Self::Ended) {
            Self::Ended => "",
            Self::Open => "\n",
        }
    }

    fn line(&mut self, text: &str) -> String {
        format!("{}{text}\n", self.end())
    }

    fn progress(&mut self, text: &str) -> String {
        *self = Self::Open;
        format!("\r\x1b[K{text}")
    }
}

pub(super) fn line(text: &str) {
    print!("{}", LAST.lock().line(text));
}

/// A line that is not part of what the command gives out.
pub(super) fn aside(text: &str) {
    eprintln!("{}{text}", LAST.lock().end());
}

/// A line of standard input. What is asked for is shown where somebody can answer.
pub(super) fn ask(what: &str) -> std::io::Result<String> {
    let mut stdin = std::io::stdin().lock();
    if stdin.is_terminal() {
        eprint!("{}{what}", LAST.lock().end());
    }
    let mut line = String::new();
    stdin.read_line(&mut line)?;
    Ok(line)
}

/// Without a line break on a terminal: the next one overwrites it, and everything else comes below it.
pub(super) fn progress(text: &str) {
    let mut stdout = std::io::stdout();
    if stdout.is_terminal() {
        print!("{}", LAST.lock().progress(text));
        drop(stdout.flush());
    } else {
        line(text);
    }
}

/// Says what ended the program, with its causes, and picks the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    print!("{}", LAST.lock().end());
    eprintln!("ferric: {error:#}");
    let exit = if error.is::<SettingsError>() || error.is::<PolicyError>() {
        Exit::Usage
    } else if error.is::<FoundWrong>()
        || error.is::<Incomplete>()
        || error.is::<SomeFailed>()
        || error.is::<NotGood>()
    {
        Exit::Wrong
    } else {
        match error.downcast_ref::<ClientError>() {
            Some(
                ClientError::Unreachable { .. }
                | ClientError::Silent { .. }
                | ClientError::Busy { .. },
            ) => Exit::Retry,
            _ => Exit::Internal,
        }
    };
    exit.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_progress_line_is_overwritten_by_the_next_and_ended_by_all_else() {
        let mut last = Last::Ended;
        assert_eq!(last.line("a"), "a\n");
        assert_eq!(last.progress("1"), "\r\x1b[K1");
        assert_eq!(last.progress("2"), "\r\x1b[K2");
        assert_eq!(last.line("b"), "\nb\n");
        assert_eq!(last.line("c"), "c\n");
        assert_eq!(last.progress("3"), "\r\x1b[K3");
        assert_eq!(last.end(), "\n");
        assert_eq!(last.end(), "");
    }
}
