//! The one place that starts other programs, so that each error names the command and no child outlives us.
//!
//! Children that stay (QEMU, dnsmasq) are started through `setpriv --pdeathsig KILL`, which then becomes the program itself: when the
//! daemon dies, even by SIGKILL, the kernel ends them. That signal follows the *thread* that forked, so the daemon
//! has one thread that forks and it is the main one (a current-thread runtime).
//! They speak English whatever the user's language is, because some of what they say is read here.

use std::env::{join_paths, split_paths};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use anyhow::{Context as _, anyhow, bail};
use tokio::process::Command;

/// Where `ip`, `dnsmasq` and their like are on Debian; `su` without a dash leaves these out of PATH.
const SYSTEM_PROGRAMS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// A command that ends when its handle is dropped or when this process dies.
pub fn lasting(program: &str) -> Command {
    let mut command = Command::from(bound_to_us(program));
    command.kill_on_drop(true);
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
    let shown = shown(command.as_std());
    let output = command.output().await;
    judge(&shown, output)
}

/// As `run`, for the time before there is a runtime.
pub fn run_blocking(program: &str, args: &[&str]) -> anyhow::Result<()> {
    let mut command = bound_to_us(program);
    command.args(args);
    let output = command.output();
    judge(&shown(&command), output)
}

/// Replaces this process by a command; returns only the reason why that failed.
pub fn become_command(command: &[OsString]) -> anyhow::Error {
    let Some((program, arguments)) = command.split_first() else {
        return anyhow!("there is no command to run");
    };
    let error = with_system_programs(program).args(arguments).exec();
    anyhow::Error::new(error).context(format!("running {}", program.display()))
}

fn bound_to_us(program: &str) -> std::process::Command {
    let mut command = with_system_programs("setpriv".as_ref());
    command
        .args(["--pdeathsig", "KILL", "--", program])
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    command
}

#[expect(clippy::disallowed_methods, reason = "this is the run helper")]
fn with_system_programs(program: &OsStr) -> std::process::Command {
    let mut command = std::process::Command::new(program);
    // The program itself is looked up in the PATH that it is given here.
    command.env("PATH", search_path(std::env::var_os("PATH")));
    command
}

fn search_path(ours: Option<OsString>) -> OsString {
    let ours = ours.unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let mut folders: Vec<PathBuf> = split_paths(&ours).collect();
    for folder in SYSTEM_PROGRAMS.map(PathBuf::from) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    join_paths(folders).unwrap_or(ours)
}

fn shown(command: &std::process::Command) -> String {
    let words = command.get_args().skip(3).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}

fn judge(shown: &str, output: std::io::Result<Output>) -> anyhow::Result<()> {
    let output = output.with_context(|| format!("starting {shown}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} failed ({}): {}", output.status, said.trim());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_programs_are_found_after_all_others() {
        let path = |ours: &str| search_path(Some(ours.into())).into_string().unwrap();
        assert_eq!(
            path("/opt/bin:/bin"),
            "/opt/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
        );
        assert_eq!(
            path("/usr/sbin:/bin:/usr/local/sbin:/sbin"),
            "/usr/sbin:/bin:/usr/local/sbin:/sbin"
        );
        assert!(search_path(None).into_string().unwrap().ends_with("/sbin"));
    }

    #[test]
    fn programs_speak_english() {
        let error = run_blocking("sh", &["-c", "echo $LC_ALL >&2; false"]).unwrap_err();
        assert!(error.to_string().ends_with(": C.UTF-8"), "{error}");
    }

    #[tokio::test]
    async fn a_failure_names_the_command_and_what_it_said() {
        let expected = "ls /nonexistent failed (exit status: 2): ";
        let early = run_blocking("ls", &["/nonexistent"]).unwrap_err();
        let late = run("ls", ["/nonexistent"]).await.unwrap_err();
        for error in [early, late] {
            let error = format!("{error:#}");
            assert!(
                error.starts_with(expected) && error.len() > expected.len(),
                "{error}"
            );
        }
    }
}
