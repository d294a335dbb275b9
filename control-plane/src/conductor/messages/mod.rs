//! Merging what was heard into a node, by whoever holds its lock.
//!
//! A merge stores facts and answers the sender; it moves no node and starts no step, because it may happen while a step
//! is under way. The engine acts on the facts when it looks again.

mod agent_log;
mod boot_request;
mod commands;
mod heartbeat;
mod inspection;
mod lookup;

pub(super) use boot_request::BOOT_REQUESTED_AT;
pub(super) use commands::{PROGRESS, store_lost_power};
pub(super) use inspection::{is_inspected, store_inspection};
pub(super) use lookup::{Asker, answer};

use super::inbox::Message;
use super::node_task::{NodeTask, TaskError};
use super::pinned;
use super::planted::Planted;
use super::requests::RequestError;
use ferric_model::node::Node;
use ferric_model::run::{News, WaitReason};
use ferric_store::StoreError;

/// When whoever spoke to a conductor that has lost the node is to speak again.
const RETRY_S: u32 = 10;

impl NodeTask {
    /// Reads everything that is in the node's inbox.
    pub(super) async fn drain(&mut self) -> Result<(), TaskError> {
        let inboxes = self.conductor().inboxes().clone();
        while let Some(message) = inboxes.take(self.id()) {
            self.merge(message).await?;
        }
        Ok(())
    }

    async fn merge(&mut self, message: Message) -> Result<(), TaskError> {
        match message {
            Message::Lookup(request, reply) => {
                let answer = pinned(|| lookup::merge(self, request)).await;
                respond(answer, reply)
            }
            Message::Heartbeat(_, reply) if loses_what_is_heard(self) => respond(Ok(Ok(())), reply),
            Message::Heartbeat(request, reply) => {
                let answer = pinned(|| heartbeat::merge(self, request)).await;
                respond(answer, reply)
            }
            Message::Inspection(request, reply) => {
                let answer = pinned(|| inspection::merge(self, request)).await;
                respond(answer, reply)
            }
            Message::Log(token, piece, reply) => {
                let answer = pinned(|| agent_log::merge(self, &token, piece)).await;
                respond(answer, reply)
            }
            Message::BootRequest(what) => pinned(|| boot_request::merge(self, what)).await,
            Message::Commands { wait, commands } => {
                pinned(|| commands::merge(self, &wait, commands)).await
            }
            Message::LostPower { wait } => pinned(|| commands::lost_power(self, &wait)).await,
            Message::OffAtBoot { since } => pinned(|| commands::off_at_boot(self, since)).await,
            Message::LostAgent { wait } => pinned(|| commands::lost_agent(self, &wait)).await,
            Message::StartedAgain { wait } => commands::started_again(self, &wait).await,
        }
    }
}

fn loses_what_is_heard(task: &NodeTask) -> bool {
    let works = task.node.run.as_ref().is_some_and(|run| run.wait.is_none());
    works && task.conductor().planted(Planted::LostInbox)
}

/// What a merge comes to: an answer, or a refusal, which is an answer too; an error of ours ends the visit as well.
type Merged<T> = Result<Result<T, RequestError>, TaskError>;

fn respond<T>(merged: Merged<T>, reply: super::inbox::Reply<T>) -> Result<(), TaskError> {
    let (answer, outcome) = match merged {
        Ok(answer) => (answer, Ok(())),
        Err(error) => (Err(refusal(&error)), Err(error)),
    };
    // Whoever asked may have hung up.
    drop(reply.send(answer));
    outcome
}

/// What is told to whoever asked: to come back where nothing is wrong with what was said. The visit ends with the error.
fn refusal(error: &TaskError) -> RequestError {
    match error {
        TaskError::Store(StoreError::Away { .. }) => RequestError::store_away(),
        TaskError::NotOurs(_) | TaskError::Unsure(_) => RequestError::Busy {
            reason: error.to_string(),
            retry_after_s: RETRY_S,
        },
        TaskError::Gone(id) => RequestError::NotFound(format!("Node {id} could not be found.")),
        TaskError::Illegal(_) | TaskError::Store(_) => {
            RequestError::internal("storing what the machine said", error.to_string())
        }
    }
}

/// The command that the run waits for.
pub(super) fn awaited_command(node: &Node) -> Option<&str> {
    match &node.run.as_ref()?.wait.as_ref()?.reason {
        WaitReason::AgentCommand { id, .. } => Some(id),
        _ => None,
    }
}

/// Keeps what was heard for the step in hand; the engine acts on it.
fn tell(node: &mut Node, news: News) {
    let Some(run) = &mut node.run else { return };
    if !run.news.as_ref().is_some_and(|known| is_late(known, &news)) {
        run.news = Some(news);
    }
}

/// Whether the news are of what the machine was doing before it was restarted or switched off: an answer that was under
/// way, or a look at what somebody has done on purpose.
fn is_late(known: &News, news: &News) -> bool {
    let of_the_agent = matches!(
        news,
        News::CommandEnded { .. } | News::VersionChanged { .. }
    );
    match known {
        News::Rebooted => of_the_agent,
        News::Restarted | News::SwitchedOff => {
            of_the_agent || matches!(news, News::LostPower | News::Rebooted)
        }
        News::InspectionDone
        | News::InspectionFailed { .. }
        | News::CommandEnded { .. }
        | News::HardwareEnded { .. }
        | News::VersionChanged { .. }
        | News::LostPower => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conductor::flows;
    use ferric_model::ids::{NodeId, RunId};
    use ferric_model::run::Activity;
    use jiff::Timestamp;
    use uuid::Uuid;

    /// What is known after both were told.
    fn told(first: &News, second: &News) -> News {
        let began = Timestamp::UNIX_EPOCH;
        let mut node = Node::new(NodeId(Uuid::nil()), "redfish", began);
        let id = RunId(Uuid::nil());
        node.run = Some(flows::run(id, Activity::Deploy, Vec::new(), began));
        tell(&mut node, first.clone());
        tell(&mut node, second.clone());
        node.run.unwrap().news.unwrap()
    }

    #[test]
    fn a_store_that_is_away_is_no_fault_of_ours() {
        let id = NodeId(Uuid::nil());
        let away = TaskError::Store(StoreError::Away {
            doing: "committing a transaction",
            source: "connection closed".into(),
        });
        for error in [away, TaskError::NotOurs(id), TaskError::Unsure(id)] {
            let refused = refusal(&error);
            assert!(matches!(refused, RequestError::Busy { .. }), "{refused:?}");
        }
        let gone = refusal(&TaskError::Gone(id));
        assert!(matches!(gone, RequestError::NotFound(_)), "{gone:?}");
        let broken = TaskError::Store(StoreError::NoSuchMarker("m".to_owned()));
        let failed = refusal(&broken);
        assert!(
            matches!(failed, RequestError::Internal { .. }),
            "{failed:?}"
        );
    }

    #[test]
    fn what_was_under_way_says_nothing_of_a_machine_that_was_restarted_or_switched_off() {
        let id = "7".to_owned();
        let ended = News::CommandEnded {
            id: id.clone(),
            error: None,
            result: None,
        };
        let changed = News::VersionChanged { id };
        for first in [News::Restarted, News::SwitchedOff] {
            for late in [&ended, &changed, &News::LostPower, &News::Rebooted] {
                assert_eq!(told(&first, late), first, "{late:?}");
            }
        }
        for late in [&ended, &changed] {
            assert_eq!(told(&News::Rebooted, late), News::Rebooted, "{late:?}");
        }
    }

    #[test]
    fn what_comes_last_is_known_otherwise() {
        for (first, second) in [
            (News::Rebooted, News::LostPower),
            (News::Restarted, News::SwitchedOff),
            (News::SwitchedOff, News::Restarted),
            (News::LostPower, News::Rebooted),
            (News::Restarted, News::InspectionDone),
        ] {
            assert_eq!(told(&first, &second), second, "{first:?}");
        }
    }
}
