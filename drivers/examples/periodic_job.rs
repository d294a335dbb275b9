//! Ends a step once the machine has switched itself off, and fails it when that does not come about.

use ferric_drivers::{
    Answer, BmcError, DriverPeriodic, Filter, InterfaceKind, PeriodicSpec, PeriodicVisit,
    PowerState,
};
use serde_json::json;

pub struct GoesOff;

#[async_trait::async_trait]
impl DriverPeriodic for GoesOff {
    fn spec(&self) -> PeriodicSpec {
        let spec = PeriodicSpec::new("waiting for power off", InterfaceKind::Power, "fake");
        let filters = vec![Filter::AwaitsJob, Filter::NotInMaintenance];
        PeriodicSpec { filters, ..spec }
    }

    async fn visit(&self, visit: &PeriodicVisit<'_>) -> Result<Answer, BmcError> {
        let looks = visit.record.as_u64().unwrap_or(0) + 1;
        Ok(match visit.hardware.power.get().await? {
            Some(PowerState::Off) => Answer::StepDone,
            _ if looks == 10 => Answer::StepFailed("the machine did not go off".to_owned()),
            _ => Answer::Keep(json!(looks)),
        })
    }
}
