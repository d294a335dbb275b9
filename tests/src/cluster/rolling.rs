//! Fifty deploys, during which one conductor after the other is drained with SIGTERM and started again.

use super::fleet::{Fleet, GROUPS};
use super::trial::{Fault, Trial};
use std::path::Path;
use std::time::Duration;

/// For a conductor that is told to end: it finishes the steps in hand and hands its nodes over.
const DRAIN: Duration = Duration::from_secs(40);
/// The others need not wait for its silence.
const HANDOVER: Duration = Duration::from_secs(20);

/// `upgraded`: the program that is started instead of the first one.
pub(crate) async fn run(
    trial: &mut Trial,
    fleet: &Fleet,
    upgraded: Option<&Path>,
) -> anyhow::Result<()> {
    if let Some(program) = upgraded {
        trial.site.upgrade(program);
    }
    fleet.ask().await?;
    for number in 0..trial.site.members.len() {
        fleet.release(number % GROUPS).await?;
        trial.some_time().await;
        let victim = trial.site.members[number].host.clone();
        let what = format!("{victim} restarted");
        let moment = trial.moment(fleet).await?;
        let status = trial.site.members[number].drain(DRAIN).await?;
        trial.findings.expect(status.success(), || {
            format!("{what}: it ended with {status} instead of success")
        });
        let fault = Fault {
            what,
            victim,
            limit: HANDOVER,
        };
        trial.taken_over(fleet, &moment, fault).await?;
        trial.site.restart(number).await?;
        trial.site.settle().await?;
    }
    trial.finish(fleet).await
}
