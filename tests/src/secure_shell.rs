//! A login by SSH with a password, with the program that everybody has.

use crate::lab::Lab;
use anyhow::Context;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

const OPTIONS: [&str; 5] = [
    "StrictHostKeyChecking=no",
    "UserKnownHostsFile=/dev/null",
    "PubkeyAuthentication=no",
    "NumberOfPasswordPrompts=1",
    "ConnectTimeout=120",
];

/// Runs a command on a machine of the lab as `user@`; how it ended, and what it said.
///
/// # Errors
/// When the machine has no address, or `ssh` cannot be started.
pub fn login(
    lab: &Lab,
    machine: &str,
    user: &str,
    password: &str,
    command: &str,
) -> anyhow::Result<Output> {
    let asker = lab.folder().join("askpass");
    std::fs::write(&asker, "#!/bin/sh\nprintf '%s\\n' \"$FERRIC_PASSWORD\"\n")?;
    std::fs::set_permissions(&asker, std::fs::Permissions::from_mode(0o700))?;
    let mut ssh = lab.inside("ssh");
    ssh.args(["-F", "none"]);
    for option in OPTIONS {
        ssh.args(["-o", option]);
    }
    ssh.arg(format!("{user}@{}", lab.address(machine)?));
    ssh.arg(command);
    ssh.env("SSH_ASKPASS", &asker);
    ssh.env("SSH_ASKPASS_REQUIRE", "force");
    ssh.env("FERRIC_PASSWORD", password);
    ssh.stdin(std::process::Stdio::null());
    ssh.output().context("starting ssh")
}
