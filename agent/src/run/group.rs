//! A program with all that it has started, as long as that stays in its process group: how it is told to end, and seen
//! to have ended.

use std::process::Child;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

const POLL: Duration = Duration::from_millis(20);
/// How long a killed program is waited for.
const END_TIME: Duration = Duration::from_secs(1);

fn pid(child: &Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX))
}

/// Does not reap it, so its number stays that of its group and of no other.
pub(crate) fn has_ended(child: &Child) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(
        waitid(Id::Pid(pid(child)), flags),
        Ok(WaitStatus::StillAlive)
    )
}

/// To all of its group. There may be nobody left to hear it.
pub(crate) fn signal(child: &Child, signal: Signal) {
    match killpg(pid(child), signal) {
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "ending a program"),
    }
}

/// Ends a program, which nobody has reaped, with its group: asks it, and kills what is left when it has ended or the
/// time for that is over. One that hangs in the kernel dies only when its hardware answers; nobody waits for that.
pub(crate) fn end(mut child: Child, grace: Duration) {
    if !grace.is_zero() {
        signal(&child, Signal::SIGTERM);
        wait_until_ended(&child, grace);
    }
    signal(&child, Signal::SIGKILL);
    if !wait_until_ended(&child, END_TIME) {
        tracing::warn!(
            pid = child.id(),
            "a program does not end although it was killed"
        );
    }
    std::thread::spawn(move || drop(child.wait()));
}

fn wait_until_ended(child: &Child, time: Duration) -> bool {
    let until = Instant::now() + time;
    while !has_ended(child) {
        if Instant::now() >= until {
            return false;
        }
        std::thread::park_timeout(POLL);
    }
    true
}
