//! The only place that writes to the terminal.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line prints"
)]

use super::Exit;
use super::client::ClientError;
use crate::config::SettingsError;
use std::process::ExitCode;

pub(super) fn line(text: &str) {
    println!("{text}");
}

/// Without a line break: overwrites itself on a terminal.
pub(super) fn progress(text: &str) {
    use std::io::{IsTerminal, Write};
    let mut stdout = std::io::stdout();
    if stdout.is_terminal() {
        print!("\r\x1b[K{text}");
        drop(stdout.flush());
    } else {
        println!("{text}");
    }
}

/// Says what ended the program, with its causes, and picks the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    eprintln!("ferric: {error:#}");
    let exit = if error.is::<SettingsError>() {
        Exit::Usage
    } else {
        match error.downcast_ref::<ClientError>() {
            Some(ClientError::Unreachable { .. } | ClientError::Busy { .. }) => Exit::Retry,
            _ => Exit::Internal,
        }
    };
    exit.into()
}
