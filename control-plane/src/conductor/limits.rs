//! How long machines are waited for, by what is being done to them.

use super::environment::later;
use crate::config::{Settings, seconds};
use ferric_model::run::{Activity, WaitReason};
use jiff::Timestamp;
use std::time::Duration;

/// A wait of this length has no deadline.
pub(super) const NEVER: Duration = Duration::MAX;

/// The longest silence of a ramdisk, from its boot or from its last answer on. Zero in the settings: any.
pub(super) fn callback(settings: &Settings, activity: Activity) -> Duration {
    let settings = &settings.conductor;
    let limit = match activity {
        Activity::Inspect => settings.inspect_callback_timeout_s,
        Activity::Clean | Activity::ManualClean => settings.clean_callback_timeout_s,
        Activity::Rescue | Activity::Unrescue => settings.rescue_callback_timeout_s,
        Activity::Service => settings.service_callback_timeout_s,
        Activity::Verify
        | Activity::Deploy
        | Activity::Rebuild
        | Activity::Delete
        | Activity::Adopt => settings.deploy_callback_timeout_s,
    };
    match limit {
        0 => NEVER,
        limit => seconds(limit),
    }
}

/// When a wait fails. A hold ends when an operator says so and at no other time.
pub(super) fn deadline(
    reason: &WaitReason,
    since: Timestamp,
    limit: Duration,
) -> Option<Timestamp> {
    let is_endless = limit == NEVER || *reason == WaitReason::Hold;
    (!is_endless).then(|| later(since, limit))
}
