//! The one place that starts other programs, so that each error names the command and no child outlives us.
//!
//! Children that stay (QEMU, dnsmasq) are started through `setpriv --pdeathsig KILL`, which then becomes the program itself: when the
//! daemon dies, even by SIGKILL, the kernel ends them. That signal follows the *thread* that forked, so the daemon
//! has one thread that forks and it is the main one (a current-thread runtime).

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;

use anyhow::{Context as _, anyhow, bail};
use tokio::process::Command;

/// A command that ends when its handle is dropped or when this process dies.
pub fn lasting(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--", program])
        .kill_on_drop(true)
        .stdin(Stdio::null());
    command
}

/// Runs a short command to its end; a failure carries what it said.
pub async fn run<I, S>(program: &str, args: I) -> anyhow::Result<()>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = lasting(program);
    command.args(args);
    let shown = command
        .as_std()
        .get_args()
        .skip(3)
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ");
    let output = command
        .output()
        .await
        .with_context(|| format!("starting {shown}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} failed ({}): {}", output.status, said.trim());
    }
    Ok(())
}

/// Replaces this process by a command; returns only the reason why that failed.
#[expect(clippy::disallowed_methods, reason = "this is the run helper")]
pub fn become_command(command: &[OsString]) -> anyhow::Error {
    let Some((program, arguments)) = command.split_first() else {
        return anyhow!("there is no command to run");
    };
    let error = std::process::Command::new(program).args(arguments).exec();
    anyhow::Error::new(error).context(format!("running {}", program.display()))
}
