//! A hundred deploys, during which one conductor is killed, one is paused past its ownership, and one is cut off.

use super::fleet::Fleet;
use super::site::{BEAT_TIMEOUT, LONGEST_CALL, MEMBERS};
use super::trial::{Fault, Trial};
use rand::seq::SliceRandom;
use reqwest::Method;
use std::time::Duration;

/// What nobody hears of a conductor for, and a look at the clock or two.
const TAKEOVER: Duration = BEAT_TIMEOUT
    .saturating_add(LONGEST_CALL)
    .saturating_add(SLACK);
/// Beats, the pause between two looks for orphans, and a machine that is busy with other things.
const SLACK: Duration = Duration::from_secs(6);

pub(crate) async fn run(trial: &mut Trial, fleet: &Fleet) -> anyhow::Result<()> {
    let mut victims: Vec<usize> = (0..usize::from(MEMBERS)).collect();
    victims.shuffle(&mut trial.random);
    let [killed, paused, cut_off] = victims[..] else {
        anyhow::bail!("there is one fault for each of three conductors");
    };
    fleet.ask().await?;
    fleet.release(0).await?;
    trial.some_time().await;
    kill(trial, fleet, killed).await?;
    fleet.release(1).await?;
    trial.some_time().await;
    pause(trial, fleet, paused).await?;
    fleet.release(2).await?;
    trial.some_time().await;
    cut_off_one(trial, fleet, cut_off).await?;
    trial.finish(fleet).await
}

fn fault(trial: &Trial, how: &str, victim: usize) -> Fault {
    let victim = trial.site.members[victim].host.clone();
    let what = format!("{victim} {how}");
    Fault {
        what,
        victim,
        limit: TAKEOVER,
    }
}

async fn kill(trial: &mut Trial, fleet: &Fleet, victim: usize) -> anyhow::Result<()> {
    let fault = fault(trial, "killed", victim);
    let moment = trial.moment(fleet).await?;
    trial.site.members[victim].kill()?;
    trial.taken_over(fleet, &moment, fault).await?;
    trial.site.restart(victim).await?;
    trial.site.settle().await
}

async fn pause(trial: &mut Trial, fleet: &Fleet, victim: usize) -> anyhow::Result<()> {
    let fault = fault(trial, "paused", victim);
    let moment = trial.moment(fleet).await?;
    trial.site.members[victim]
        .pause(&trial.site.fakes())
        .await?;
    let taken = trial.taken_over(fleet, &moment, fault).await;
    // It goes on in the middle of whatever it was about to do.
    trial.site.members[victim].wake()?;
    taken?;
    trial.site.settle().await
}

async fn cut_off_one(trial: &mut Trial, fleet: &Fleet, victim: usize) -> anyhow::Result<()> {
    let fault = fault(trial, "cut off", victim);
    let what = fault.what.clone();
    let moment = trial.moment(fleet).await?;
    let member = &trial.site.members[victim];
    member.store.cut();
    member.peers.cut();
    trial.taken_over(fleet, &moment, fault).await?;
    let member = &trial.site.members[victim];
    let answer = member
        .client
        .call(Method::GET, "/v1/nodes", None, None)
        .await;
    let says = answer.map(|answer| (answer.status, answer.retry_after.is_some()));
    trial.findings.expect(matches!(says, Ok((503, true))), || {
        format!("{what}: it answered {says:?} instead of 503 with Retry-After")
    });
    let member = &trial.site.members[victim];
    // What was on its way to the database arrives now.
    member.store.mend();
    member.peers.mend();
    trial.site.settle().await
}
