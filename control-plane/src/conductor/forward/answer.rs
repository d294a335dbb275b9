//! What the owner of a node answers to a call, in the same form.

use crate::conductor::allocations::Claimed;
use crate::conductor::bulk::Carried;
use crate::conductor::import::Imported;
use crate::conductor::plain::PlainDocument;
use crate::conductor::requests::{
    ConsoleShown, IndicatorShown, LookupAnswer, MediaSlot, RequestError, VendorOutcome,
};
use ferric_agent_protocol::dial_out::DialOutRequest;
use ferric_agent_protocol::log::LogTaken;
use ferric_drivers::{BootDevice, BootSetting};
use ferric_model::allocation::Allocation;
use ferric_model::node::Node;
use ferric_model::port::Port;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What the owner answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NodeAnswer {
    Nothing,
    Node(Box<Node>),
    Port(Box<Port>),
    Document(Box<PlainDocument>),
    BootSetting(#[serde(with = "super::named::setting")] BootSetting),
    BootDevices(#[serde(with = "super::named::list")] Vec<BootDevice>),
    Console(ConsoleShown),
    Indicators(Vec<IndicatorShown>),
    Indicator(String),
    MediaSlots(Vec<MediaSlot>),
    VendorOutcome(VendorOutcome),
    Identified(Box<LookupAnswer>),
    DialOut(Option<Arc<DialOutRequest>>),
    LogTaken(LogTaken),
    Claimed(Claimed),
    Allocation(Box<Allocation>),
    Imported(Imported),
    Carried(Carried),
    LockedFor(Option<String>),
}

impl NodeAnswer {
    pub(in crate::conductor) fn nothing(self) -> Result<(), RequestError> {
        match self {
            Self::Nothing => Ok(()),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn node(self) -> Result<Node, RequestError> {
        match self {
            Self::Node(node) => Ok(*node),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn port(self) -> Result<Port, RequestError> {
        match self {
            Self::Port(port) => Ok(*port),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn document(self) -> Result<PlainDocument, RequestError> {
        match self {
            Self::Document(document) => Ok(*document),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn boot_setting(self) -> Result<BootSetting, RequestError> {
        match self {
            Self::BootSetting(setting) => Ok(setting),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn boot_devices(self) -> Result<Vec<BootDevice>, RequestError> {
        match self {
            Self::BootDevices(devices) => Ok(devices),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn console(self) -> Result<ConsoleShown, RequestError> {
        match self {
            Self::Console(console) => Ok(console),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn indicators(self) -> Result<Vec<IndicatorShown>, RequestError> {
        match self {
            Self::Indicators(indicators) => Ok(indicators),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn indicator(self) -> Result<String, RequestError> {
        match self {
            Self::Indicator(state) => Ok(state),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn media_slots(self) -> Result<Vec<MediaSlot>, RequestError> {
        match self {
            Self::MediaSlots(slots) => Ok(slots),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn vendor_outcome(self) -> Result<VendorOutcome, RequestError> {
        match self {
            Self::VendorOutcome(outcome) => Ok(outcome),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn identified(self) -> Result<LookupAnswer, RequestError> {
        match self {
            Self::Identified(answer) => Ok(*answer),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn dial_out(
        self,
    ) -> Result<Option<Arc<DialOutRequest>>, RequestError> {
        match self {
            Self::DialOut(request) => Ok(request),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn log_taken(self) -> Result<LogTaken, RequestError> {
        match self {
            Self::LogTaken(taken) => Ok(taken),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn claimed(self) -> Result<Claimed, RequestError> {
        match self {
            Self::Claimed(claimed) => Ok(claimed),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn imported(self) -> Result<Imported, RequestError> {
        match self {
            Self::Imported(imported) => Ok(imported),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn carried(self) -> Result<Carried, RequestError> {
        match self {
            Self::Carried(carried) => Ok(carried),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn locked_for(self) -> Result<Option<String>, RequestError> {
        match self {
            Self::LockedFor(purpose) => Ok(purpose),
            _ => Err(mixed_up()),
        }
    }

    pub(in crate::conductor) fn allocation(self) -> Result<Allocation, RequestError> {
        match self {
            Self::Allocation(allocation) => Ok(*allocation),
            _ => Err(mixed_up()),
        }
    }
}

fn mixed_up() -> RequestError {
    let problem = "it answers what it was not asked";
    RequestError::internal("reading the answer of the node's conductor", problem)
}
