//! Steps that every node has, whatever its driver and agent: power, hold and wait. Known by their name alone, as in
//! Ironic: the interface that a client puts beside it says nothing.

use super::offer::{Arguments, Offer};
use ferric_model::node::Object;
use ferric_model::step::{Performer, Recovery, StepId};
use serde_json::{Value, json};

/// The longest that a wait may take: the node is held meanwhile.
pub(in crate::conductor) const LONGEST_WAIT_S: u64 = 30;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conductor) enum Reserved {
    PowerOn,
    PowerOff,
    Reboot,
    /// Until an operator says go.
    Hold,
    /// Some seconds.
    Wait,
}

impl Reserved {
    pub(in crate::conductor) fn of(step: &str) -> Option<Self> {
        match step {
            "power_on" => Some(Self::PowerOn),
            "power_off" => Some(Self::PowerOff),
            "reboot" => Some(Self::Reboot),
            "hold" => Some(Self::Hold),
            "wait" => Some(Self::Wait),
            _ => None,
        }
    }

    /// Whether it is done to the machine, and so can be done to another one.
    pub(super) fn is_of_power(self) -> bool {
        matches!(self, Self::PowerOn | Self::PowerOff | Self::Reboot)
    }

    pub(super) fn offer(self, id: &StepId) -> Offer {
        let seconds = json!({
            "seconds": {
                "description": "How long to wait, at most 30 s.", "required": true, "type": ["integer", "string"],
            },
        });
        let info = match (self, seconds) {
            (Self::Wait, Value::Object(info)) => Some(info),
            _ => None,
        };
        Offer {
            id: id.clone(),
            priority: 0,
            abortable: true,
            requires_ramdisk: false,
            reboot_requested: false,
            arguments: Arguments::Info(info),
            by: Performer::Reserved,
            // A machine that is rebooted twice, or waited for twice, is none the worse for it.
            recovery: Recovery::RunAgain,
        }
    }

    /// What only this step knows of its arguments.
    pub(super) fn check(self, id: &StepId, args: &Object) -> Result<(), String> {
        self.offer(id).arguments.check(id, args)?;
        if self == Self::Wait && seconds(args).is_none() {
            return Err(format!(
                "{id} can wait for a whole number of seconds from 0 to {LONGEST_WAIT_S}, not {}",
                args.get("seconds").unwrap_or(&Value::Null)
            ));
        }
        Ok(())
    }
}

/// How long a wait takes; texts are numbers too, as clients write them.
pub(in crate::conductor) fn seconds(args: &Object) -> Option<u64> {
    let value = args.get("seconds")?;
    let number = value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    number.filter(|seconds| *seconds <= LONGEST_WAIT_S)
}
