//! `logs`: what the ramdisk's system and this agent have logged.

use ferric_agent_protocol::inspection::InspectionData;

use super::Subject;
use super::collector::CollectError;
use crate::commands::log_bundle;
use crate::config::Secret;

pub(super) fn collect(subject: &Subject) -> Result<InspectionData, CollectError> {
    let token = subject.token.as_ref().map(Secret::reveal);
    Ok(InspectionData {
        logs: Some(log_bundle(token).map_err(CollectError::Logs)?),
        ..InspectionData::default()
    })
}
