//! How long machines are waited for, by what is being done to them.

use crate::config::{Settings, seconds};
use ferric_model::run::Activity;
use std::time::Duration;

/// The longest silence of a ramdisk, from its boot or from its last answer on.
pub(super) fn callback(settings: &Settings, activity: Activity) -> Duration {
    let settings = &settings.conductor;
    seconds(match activity {
        Activity::Inspect => settings.inspect_callback_timeout_s,
        Activity::Clean | Activity::ManualClean => settings.clean_callback_timeout_s,
        Activity::Verify
        | Activity::Deploy
        | Activity::Rebuild
        | Activity::Delete
        | Activity::Adopt
        | Activity::Rescue
        | Activity::Unrescue
        | Activity::Service => settings.deploy_callback_timeout_s,
    })
}
