//! Deploys during which the database server is killed and started again, and then cannot be reached for a minute: clients
//! are told to come back, nothing is lost, and nobody takes over anybody.

use super::findings::Row;
use super::fleet::Fleet;
use super::trial::{Moment, Trial};
use ferric_tests::played::client::Client;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the server cannot be reached.
const OUTAGE: Duration = Duration::from_secs(60);
/// Conductors that were in the middle of something when it began have given up by then.
const ONSET: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_secs(2);

pub(crate) async fn run(trial: &mut Trial, fleet: &Fleet) -> anyhow::Result<()> {
    fleet.ask().await?;
    fleet.release(0).await?;
    trial.some_time().await;
    let moment = trial.moment(fleet).await?;
    trial.site.server.kill();
    trial.site.server.restart();
    trial.site.settle().await?;
    unmoved(trial, fleet, &moment, "PostgreSQL killed and started again").await?;
    // Without the database no machine begins.
    fleet.write(2).await?;
    fleet.release(1).await?;
    trial.some_time().await;
    let moment = trial.moment(fleet).await?;
    cut(trial, fleet).await?;
    trial.site.settle().await?;
    unmoved(trial, fleet, &moment, "PostgreSQL cut off for a minute").await?;
    trial.finish(fleet).await
}

/// Nobody reaches the server; the machines of the last group end their writing meanwhile.
async fn cut(trial: &mut Trial, fleet: &Fleet) -> anyhow::Result<()> {
    for member in &trial.site.members {
        member.store.cut();
    }
    let begun = Instant::now();
    sleep(ONSET).await;
    let mut asked = 0;
    while begun.elapsed() < OUTAGE {
        asked += ask_all(trial, fleet).await?;
        if begun.elapsed() > OUTAGE / 2 {
            fleet.open(2);
        }
        sleep(PAUSE).await;
    }
    for member in &mut trial.site.members {
        member.check()?;
        member.store.mend();
    }
    trial
        .findings
        .expect(asked > 0, || "nobody was asked anything".to_owned());
    trial.findings.say(&format!(
        "PostgreSQL cut off: {asked} requests were sent meanwhile, which want 503 with Retry-After"
    ));
    Ok(())
}

/// Each conductor, by an operator who reads and one who writes, and by a machine. Answers how many were asked.
async fn ask_all(trial: &mut Trial, fleet: &Fleet) -> anyhow::Result<usize> {
    let deploy = &fleet.deploys[0];
    let node = format!("/v1/nodes/{}", deploy.uuid);
    let patch = json!([{"op": "add", "path": "/extra/x", "value": 1}]);
    let mac = &deploy.machine.mac;
    let lookup = format!("/v1/lookup?addresses={mac}&node_uuid={}", deploy.uuid);
    let mut asking = Vec::new();
    for member in &trial.site.members {
        let machine = Client::of_machine(std::slice::from_ref(&member.machines))?;
        for (client, method, path, body) in [
            (member.client.clone(), Method::GET, &node, None),
            (member.client.clone(), Method::PATCH, &node, Some(&patch)),
            (machine, Method::GET, &lookup, None),
        ] {
            let who = format!("{}: {method} {path}", member.host);
            asking.push(async move {
                let answer = client.call(method, path, body, None).await;
                let says = answer.map(|answer| (answer.status, answer.retry_after.is_some()));
                (who, says)
            });
        }
    }
    let answers = join_all(asking).await;
    for (who, says) in &answers {
        trial.findings.expect(matches!(says, Ok((503, true))), || {
            format!("{who} while the database was cut off: {says:?}")
        });
    }
    Ok(answers.len())
}

/// Every deploy that ran still has the owner that it had, at the same epoch; one that has ended may have been handed on.
async fn unmoved(
    trial: &mut Trial,
    fleet: &Fleet,
    moment: &Moment,
    what: &str,
) -> anyhow::Result<()> {
    let now = trial.site.registry.owners().await?;
    let standings = fleet.standings().await?;
    for (name, uuid) in &moment.running {
        let (before, now) = (moment.owners.get(uuid), now.get(uuid));
        let is_over = standings
            .get(uuid)
            .is_some_and(|standing| !standing.is_running());
        trial.findings.expect(is_over || before == now, || {
            format!("{what}: {name} changed hands: {before:?}, now {now:?}")
        });
    }
    trial.findings.row(Row {
        what: what.to_owned(),
        running: moment.running.len(),
        ..Row::default()
    });
    Ok(())
}
