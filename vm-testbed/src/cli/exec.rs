//! `exec`: becomes the given command, inside the lab's network.

use std::ffi::OsString;

use crate::control::Client;
use crate::namespace;
use crate::run::become_command;
use crate::state::StateDir;

pub(super) fn exec(lab: &StateDir, command: &[OsString]) -> anyhow::Result<()> {
    let daemon = Client::connect(lab)?.daemon()?;
    namespace::enter_of(daemon)?;
    Err(become_command(command))
}
