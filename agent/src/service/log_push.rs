//! Brings the conductor the agent's own log: from its first line on, also between heartbeats and while no command runs.
//!
//! It needs no port. Begun only where the conductor has agreed to it at the lookup, so Ironic's never hears of it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use ferric_agent_protocol::log::LogPlace;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::heartbeat::Ended;
use crate::agent::Agent;
use crate::conductor::{Conductor, DialOutError, bring_log};
use crate::own_log::own_log;

/// What is logged is brought so soon.
const SPACING: Duration = Duration::from_secs(5);
/// A conductor leaves lines that come too soon after others.
const AFTER_LEFT: Duration = Duration::from_secs(1);
/// Between two attempts at a conductor that does not take it.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// What is logged at the end is brought within this time, or not at all.
const LAST_PIECE_TIME: Duration = Duration::from_secs(3);

/// Until `stop`.
pub(super) async fn run(
    agent: Arc<Agent>,
    conductor: Arc<Conductor>,
    stop: CancellationToken,
) -> Ended {
    let mut teller = Teller {
        agent,
        conductor,
        known: None,
    };
    stop.run_until_cancelled(teller.go_on()).await;
    // The line that says why would have nobody to go to.
    drop(timeout(LAST_PIECE_TIME, teller.bring_all()).await);
    Ended::InOrder
}

struct Teller {
    agent: Arc<Agent>,
    conductor: Arc<Conductor>,
    /// Up to where the conductor has said that it knows the log.
    known: Option<LogPlace>,
}

impl Teller {
    async fn go_on(&mut self) {
        let mut pause = SPACING;
        loop {
            match self.bring_all().await {
                Ok(()) => pause = SPACING,
                Err(error) => {
                    log_failure(&error, pause);
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            }
            sleep(pause).await;
        }
    }

    /// All that there is, a piece after the other; what a conductor leaves is brought again.
    async fn bring_all(&mut self) -> Result<(), DialOutError> {
        loop {
            let piece = own_log().behind(self.known);
            if piece.lines.is_empty() {
                return Ok(());
            }
            let taken = bring_log(&self.conductor, &self.agent.session, &piece).await?;
            self.known = Some(LogPlace {
                run: piece.run,
                next: taken.next,
            });
            if taken.next < piece.first + piece.lines.len() as u64 {
                sleep(AFTER_LEFT).await;
            }
        }
    }
}

/// One line is enough for a conductor that is away for an hour; it is brought with the others then.
fn log_failure(error: &DialOutError, pause: Duration) {
    let error = error as &dyn Error;
    if pause == SPACING {
        tracing::warn!(error, "bringing the log to the conductor");
    } else {
        tracing::debug!(error, "bringing the log to the conductor");
    }
}
