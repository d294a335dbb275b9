//! What a machine boots that starts again by itself while its agent works: the network once more, so that it asks for
//! its boot script, comes back to the ramdisk, and does not run what is on its disk by then.
//!
//! For one boot, which every BMC knows, and so again for each boot of the ramdisk. What ends the work of the agent sets
//! the boot device anew, or takes this back.

use super::{Outcome, StepContext, StepError, boot, chain};
use ferric_drivers::{BmcError, BootDevice, Management, Persistence};
use ferric_model::event::What;
use ferric_model::node::NetworkBoot;
use ferric_model::node::agent_session::NextBoot;
use std::time::Duration;
use tokio::time::timeout;

/// The work does not wait for it for longer.
const LIMIT: Duration = Duration::from_secs(30);
/// The note of a run that has set it.
const SET_AHEAD: &str = "next_boot_set";

/// What came of it, to be stored with what comes of the step.
pub(super) struct Seen {
    next_boot: NextBoot,
    problem: Option<String>,
}

/// Sees to it, if that was not done in this boot of the ramdisk. That it cannot be done fails nothing.
pub(super) async fn see_to(context: &StepContext) -> Option<Seen> {
    let node = &context.node;
    let is_seen_to = node.agent.as_ref()?.next_boot.is_some();
    if is_seen_to || node.network_boot != NetworkBoot::Ramdisk {
        return None;
    }
    let management = context.hardware.management.as_ref()?;
    let persistence = boot::persistence(node, Persistence::Once);
    let mode = boot::wanted_mode(node);
    let set = management.set_boot_device(BootDevice::Pxe, persistence, mode);
    let problem = problem(async { set.await.map(drop) }).await;
    Some(Seen {
        next_boot: match problem {
            None => NextBoot::Network,
            Some(_) => NextBoot::Unknown,
        },
        problem,
    })
}

/// The outcome of the step with what came of it. The agent may be another one by now, which is not meant.
pub(super) fn noting(outcome: Outcome, context: &StepContext, seen: Option<Seen>) -> Outcome {
    let Some(Seen { next_boot, problem }) = seen else {
        return outcome;
    };
    let session = context.node.agent.as_ref();
    let token = session.and_then(|session| session.token.clone());
    let outcome = outcome.edit(move |node, run| {
        run.notes.insert(SET_AHEAD.to_owned(), true.into());
        if let Some(session) = node.agent.as_mut().filter(|agent| agent.token == token) {
            session.next_boot = Some(next_boot);
        }
    });
    match problem {
        None => outcome,
        Some(problem) => outcome.event(What::Note {
            text: format!(
                "should the machine start again by itself, it may not come back to the ramdisk: setting its next boot \
                 to the network failed: {problem}"
            ),
        }),
    }
}

/// No agent works any more: what was set and is not used up is not to send the next boot to the network.
pub(super) async fn take_back(context: &StepContext, outcome: Outcome) -> Outcome {
    let node = &context.node;
    let session = node.agent.as_ref();
    let was_set = context.run.notes.contains_key(SET_AHEAD)
        || session.is_some_and(|session| session.next_boot.is_some());
    let is_for_one_boot = boot::persistence(node, Persistence::Once) == Persistence::Once;
    let management = context.hardware.management.as_ref();
    let Some(management) = management.filter(|_| was_set && is_for_one_boot) else {
        return outcome;
    };
    match problem(from_disk(&**management)).await {
        None => outcome,
        Some(problem) => outcome.event(What::Note {
            text: format!("the machine may boot from the network once more: {problem}"),
        }),
    }
}

async fn from_disk(management: &dyn Management) -> Result<(), BmcError> {
    if management.boot_device().await?.device == Some(BootDevice::Pxe) {
        let set = management.set_boot_device(BootDevice::Disk, Persistence::Once, None);
        set.await?;
    }
    Ok(())
}

async fn problem(asked: impl Future<Output = Result<(), BmcError>>) -> Option<String> {
    match timeout(LIMIT, asked).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(chain(&error)),
        Err(_) => Some(chain(&StepError::TookTooLong(LIMIT))),
    }
}
