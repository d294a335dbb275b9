//! Entering a network namespace: a new one for the daemon, the daemon's for `exec`.
//!
//! Nothing is bind-mounted: the namespace ends with the last process in it. Both functions must run before any thread
//! is started, because a user namespace can only be entered by a process of one thread.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::Context as _;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{Pid, getegid, geteuid};

/// Moves this process into a network namespace of its own; without root also into a user namespace that makes it root there.
pub fn enter_new() -> anyhow::Result<()> {
    let (user, group) = (geteuid(), getegid());
    if user.is_root() {
        return unshare(CloneFlags::CLONE_NEWNET).context("making a network namespace");
    }
    unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET).context(
        "making a user and a network namespace (does this host allow them without root?)",
    )?;
    // The kernel takes a group map of an ordinary user only after setgroups is given up.
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("0 {user} 1"))?;
    write("/proc/self/gid_map", &format!("0 {group} 1"))
}

/// Moves this process into the namespaces of the daemon `pid`.
pub fn enter_of(pid: Pid) -> anyhow::Result<()> {
    // The kernel refuses to enter the user namespace that one is in already.
    if link("self", "user")? != link(&pid.to_string(), "user")? {
        enter(pid, "user", CloneFlags::CLONE_NEWUSER)?;
    }
    enter(pid, "net", CloneFlags::CLONE_NEWNET)
}

fn enter(pid: Pid, kind: &str, flag: CloneFlags) -> anyhow::Result<()> {
    let path = format!("/proc/{pid}/ns/{kind}");
    let namespace = File::open(&path).with_context(|| format!("opening {path}"))?;
    setns(namespace, flag).with_context(|| format!("entering {path}"))
}

fn link(process: &str, kind: &str) -> anyhow::Result<PathBuf> {
    let path = format!("/proc/{process}/ns/{kind}");
    fs::read_link(&path).with_context(|| format!("reading {path}"))
}

fn write(path: &str, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("writing {path}"))
}
