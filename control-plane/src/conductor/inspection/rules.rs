//! Inspection rules over what the hooks have made of a node, and the calls that they ask for.

use super::calls;
use crate::conductor::Conductor;
use crate::conductor::plain::NotMember;
use ferric_model::event::What;
use ferric_model::inspection_rule::{Level, LogLine, Outcome, Subject, apply};
use ferric_model::node::Node;
use ferric_model::port::Port;
use ferric_store::StoreError;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// The subject as the rules leave it, and those that were applied; or the cause for which the inspection fails.
pub(in crate::conductor) type Ruled = Result<(Subject, Vec<String>), String>;

/// Runs all rules. Nothing is stored here.
pub(in crate::conductor) async fn run(
    conductor: &Conductor,
    subject: Subject,
) -> Result<Ruled, StoreError> {
    let rules = match conductor.rules().await? {
        Ok(rules) if rules.is_empty() => return Ok(Ok((subject, Vec::new()))),
        Ok(rules) => rules,
        Err(problem) => return Ok(Err(problem)),
    };
    let before = (subject.node.driver.clone(), subject.node.interfaces.clone());
    let ports = subject.ports.clone();
    let mask = conductor.settings().inspection.mask_secrets;
    let Outcome {
        mut subject,
        log,
        calls,
        applied,
    } = match aside(|| apply(&rules, subject, mask)) {
        Ok(outcome) => outcome,
        Err(failure) => return Ok(Err(failure.to_string())),
    };
    for line in &log {
        write(&subject.node, line);
    }
    let (driver, interfaces) = before;
    if subject.node.driver != driver || subject.node.interfaces != interfaces {
        if subject.node.driver != driver {
            // Those that a rule has set are kept; the others are the new driver's own.
            let set = |kind: &String, name: &mut String| interfaces.get(kind) != Some(name);
            subject.node.interfaces.retain(set);
        }
        match conductor.resolved(&subject.node) {
            Ok(resolved) => subject.node.interfaces = resolved,
            Err(error) => {
                let text = format!(
                    "inspection rules ({}) choose what cannot be used: {error}",
                    applied.join(", ")
                );
                return Ok(Err(text));
            }
        }
    }
    if let Some(problem) = misplaced(conductor, &ports, &subject).await? {
        let applied = applied.join(", ");
        return Ok(Err(format!("inspection rules ({applied}): {problem}")));
    }
    match calls::make(&calls).await {
        Ok(()) => Ok(Ok((subject, applied))),
        Err(problem) => Ok(Err(problem)),
    }
}

/// Does what may take a processor for long, as regular expressions that are tried out, while another thread goes on with
/// the tasks of this one. A runtime of one thread, as simulations have, has no other.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
        block_in_place(work)
    } else {
        work()
    }
}

/// What the timeline is told of the rules that were applied, if there were any: the first few of them, as it is no place for
/// thousands.
pub(in crate::conductor) fn told(applied: &[String]) -> Option<What> {
    const SHOWN: usize = 20;
    if applied.is_empty() {
        return None;
    }
    let shown = applied.iter().take(SHOWN).cloned().collect::<Vec<_>>();
    let shown = shown.join(", ");
    let text = match applied.len().saturating_sub(SHOWN) {
        0 => format!("inspection rules applied: {shown}"),
        more => format!("inspection rules applied: {shown} and {more} more"),
    };
    Some(What::Note { text })
}

/// What speaks against the groups that rules have put ports into, as for whoever asks the API for it.
async fn misplaced(
    conductor: &Conductor,
    before: &[Port],
    subject: &Subject,
) -> Result<Option<String>, StoreError> {
    for port in &subject.ports {
        let Some(was) = before.iter().find(|was| was.uuid == port.uuid) else {
            continue;
        };
        if was.portgroup_uuid == port.portgroup_uuid {
            continue;
        }
        match conductor.check_member(was, port, &subject.node).await {
            Ok(_) => {}
            Err(NotMember::Refused(refused)) => return Ok(Some(refused.to_string())),
            Err(NotMember::Store(error)) => return Err(error),
        }
    }
    Ok(None)
}

fn write(node: &Node, line: &LogLine) {
    let (node, rule, text) = (node.uuid, &line.rule, &line.text);
    match line.level {
        Level::Debug => tracing::debug!(%node, rule, "{text}"),
        Level::Info => tracing::info!(%node, rule, "{text}"),
        Level::Warning => tracing::warn!(%node, rule, "{text}"),
        Level::Error | Level::Critical => tracing::error!(%node, rule, "{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;
    use tokio::sync::oneshot;
    use tokio::task::JoinSet;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn rules_that_take_long_keep_nobody_waiting() {
        let (begun, has_begun) = oneshot::channel();
        let (passed, others_passed) = mpsc::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            begun.send(()).unwrap();
            // Ends when the other task was run, for which there is one worker only.
            let heard = aside(|| others_passed.recv_timeout(Duration::from_secs(30)));
            assert_eq!(heard, Ok(()));
        });
        tasks.spawn(async move {
            has_begun.await.unwrap();
            passed.send(()).unwrap();
        });
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    }

    #[tokio::test]
    async fn where_there_is_one_thread_they_are_run_on_it() {
        assert_eq!(aside(|| 7), 7);
    }
}
