//! Whether the conductors' beats and the calls to machines fit together: where several share a store, a call is begun only
//! if it is over before the others may take the node over.

use super::{Conductor, Settings, SettingsError, seconds};
use std::time::Duration;

impl Settings {
    /// How long the longest call to a BMC or an agent may take.
    pub fn longest_call(&self) -> Duration {
        seconds(longest_call_s(
            &self.conductor,
            self.agent.request_timeout_s,
        ))
    }
}

fn longest_call_s(conductor: &Conductor, agent_s: u64) -> u64 {
    conductor.bmc_call_timeout_s.max(agent_s)
}

pub(super) fn check_beats(
    conductor: &Conductor,
    agent_request_timeout_s: u64,
    is_shared: bool,
) -> Result<(), SettingsError> {
    let wrong = |setting, value: u64, problem| {
        Err(SettingsError::Value {
            setting,
            value: value.to_string(),
            problem,
        })
    };
    let (interval, timeout) = (conductor.beat_interval_s, conductor.beat_timeout_s);
    if interval == 0 || timeout <= interval {
        return wrong(
            "conductor.beat_timeout_s",
            timeout,
            "must be longer than beat_interval_s",
        );
    }
    if conductor.bmc_call_timeout_s == 0 {
        return wrong("conductor.bmc_call_timeout_s", 0, "must be at least 1");
    }
    let longest = longest_call_s(conductor, agent_request_timeout_s);
    if is_shared && timeout <= longest.saturating_add(interval) {
        return wrong(
            "conductor.beat_timeout_s",
            timeout,
            "must be longer than beat_interval_s and the longest call together (the longer one of \
             conductor.bmc_call_timeout_s and agent.request_timeout_s) where conductors share a store: otherwise a node \
             could change hands in the middle of every call, and none would ever be begun",
        );
    }
    Ok(())
}
