//! Where the resources are: every link of the service is made here.

use crate::config::{Bus, Machine};

pub(super) const ROOT: &str = "/redfish/v1";
pub(super) const METADATA: &str = "/redfish/v1/$metadata";
pub(super) const ODATA: &str = "/redfish/v1/odata";
pub(super) const SYSTEMS: &str = "/redfish/v1/Systems";
pub(super) const MANAGERS: &str = "/redfish/v1/Managers";
pub(super) const MANAGER: &str = "/redfish/v1/Managers/BMC";
pub(super) const CHASSIS_ALL: &str = "/redfish/v1/Chassis";
pub(super) const CHASSIS: &str = "/redfish/v1/Chassis/Chassis";
pub(super) const SESSION_SERVICE: &str = "/redfish/v1/SessionService";
pub(super) const SESSIONS: &str = "/redfish/v1/SessionService/Sessions";
pub(super) const ACCOUNT_SERVICE: &str = "/redfish/v1/AccountService";
pub(super) const ACCOUNTS: &str = "/redfish/v1/AccountService/Accounts";
pub(super) const ROLES: &str = "/redfish/v1/AccountService/Roles";
pub(super) const TASK_SERVICE: &str = "/redfish/v1/TaskService";
pub(super) const TASKS: &str = "/redfish/v1/TaskService/Tasks";

pub(super) fn system(machine: &Machine) -> String {
    format!("{SYSTEMS}/{}", machine.uuid)
}

pub(super) fn under_system(machine: &Machine, rest: &str) -> String {
    format!("{SYSTEMS}/{}/{rest}", machine.uuid)
}

pub(super) fn storage(machine: &Machine, bus: Bus) -> String {
    under_system(machine, &format!("Storage/{}", bus_name(bus)))
}

pub(super) fn drive(machine: &Machine, bus: Bus, index: usize) -> String {
    format!("{}/Drives/{index}", storage(machine, bus))
}

pub(super) fn bus_name(bus: Bus) -> &'static str {
    match bus {
        Bus::Virtio => "VIRTIO",
        Bus::Scsi => "SCSI",
        Bus::Nvme => "NVME",
    }
}
