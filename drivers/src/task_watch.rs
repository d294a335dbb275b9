//! The periodic job that finds out how an operation ends which hardware goes on with by itself. One for each interface
//! that has such operations, declared in the driver's own file.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::{
    Answer, BmcError, DriverPeriodic, Filter, Hardware, InterfaceKind, PeriodicSpec, PeriodicVisit,
    Progress,
};

/// Asks an interface about the record of the step that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskWatch {
    /// Names the job; a release does not change it.
    pub(crate) purpose: &'static str,
    pub(crate) interface: InterfaceKind,
    pub(crate) implementation: &'static str,
    pub(crate) spacing: Duration,
}

#[async_trait]
impl DriverPeriodic for TaskWatch {
    fn spec(&self) -> PeriodicSpec {
        let spec = PeriodicSpec::new(self.purpose, self.interface, self.implementation);
        PeriodicSpec {
            spacing: self.spacing,
            filters: vec![Filter::AwaitsJob, Filter::NotInMaintenance],
            ..spec
        }
    }

    async fn visit(&self, visit: &PeriodicVisit<'_>) -> Result<Answer, BmcError> {
        let Some(progress) = poll(self.interface, visit.hardware, visit.record).await? else {
            let cause = format!(
                "the node has no {} interface any more that could tell how it ended",
                self.interface
            );
            return Ok(Answer::StepFailed(cause));
        };
        Ok(match progress {
            Progress::Pending(record) if record == *visit.record => Answer::Nothing,
            Progress::Pending(record) => Answer::Keep(record),
            Progress::Done => Answer::StepDone,
            Progress::Failed(cause) => Answer::StepFailed(cause),
        })
    }
}

/// `None`: the machine has no such interface.
async fn poll(
    kind: InterfaceKind,
    hardware: &Hardware,
    record: &Value,
) -> Result<Option<Progress>, BmcError> {
    match (kind, &hardware.bios, &hardware.raid, &hardware.firmware) {
        (InterfaceKind::Bios, Some(bios), _, _) => bios.poll(record).await.map(Some),
        (InterfaceKind::Raid, _, Some(raid), _) => raid.poll(record).await.map(Some),
        (InterfaceKind::Firmware, _, _, Some(firmware)) => firmware.poll(record).await.map(Some),
        _ => Ok(None),
    }
}
