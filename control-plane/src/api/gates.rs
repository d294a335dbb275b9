//! What came with which minor version of Ironic's API and has no place in another table: arguments, filters, keys of
//! bodies, and ways of showing things.
//!
//! Routes have theirs in `access::routes`, fields in the table of their resource, filters of nodes in
//! `nodes::filters`, and verbs in the model. A test prints them all.

macro_rules! gates {
    ($($name:ident = $since:literal: $what:literal;)*) => {
        $(#[doc = $what] pub(super) const $name: u16 = $since;)*

        /// For people, in the order of versions.
        #[cfg(test)]
        pub(super) const ALL: &[(u16, &str)] = &[$(($since, $what)),*];
    };
}

gates! {
    AVAILABLE = 2: "the state available has its name, and is not null";
    NODE_NAMES = 5: "a name stands in the place of a node's UUID";
    FIELDS = 8: "fields= of lists and objects";
    FREE_NAMES = 10: "names of nodes have all unreserved characters of URLs";
    ENROLL = 11: "new nodes wait in enroll";
    DRIVER_LINKS = 14: "drivers show the link to their properties";
    FILTER_PORTGROUP = 24: "portgroup= of ports";
    REMOVE_CHASSIS = 25: "a patch takes chassis_uuid from a node";
    SOFT_POWER = 27: "soft power actions, and a time-out of any";
    DRIVER_TYPE = 30: "type= and detail= of drivers, their types, and their interfaces but for those below";
    DRIVER_STORAGE = 33: "drivers show their storage interfaces";
    CONFIG_DRIVE_ON_REBUILD = 35: "configdrive of the target rebuild";
    AGENT_VERSION = 36: "agent_version of heartbeats";
    DRIVER_RESCUE = 38: "drivers show their rescue interfaces";
    INSPECT_WAIT = 39: "the state inspect wait is shown, and inspecting is not to be disturbed";
    DRIVER_BIOS = 40: "drivers show their BIOS interfaces";
    DETAIL = 43: "detail= of lists";
    RESET_INTERFACES = 45: "reset_interfaces= of a patch of a node";
    CONFIG_DRIVE_OBJECT = 56: "configdrive as an object";
    BACKFILL = 58: "node of a new allocation";
    VENDOR_DATA = 59: "vendor_data of a config drive";
    AGENT_TOKEN = 62: "lookups are answered with a token";
    NETWORK_TYPE = 64: "network_type of local_link_connection";
    VIF_PLACE = 67: "port_uuid and portgroup_uuid of a VIF";
    AGENT_CERTIFICATE = 68: "agent_verify_ca of heartbeats";
    DEPLOY_STEPS = 69: "deploy_steps of the targets active, deploy and rebuild";
    CLEAN_WITHOUT_RAMDISK = 70: "disable_ramdisk of the target clean";
    AGENT_STATUS = 72: "agent_status and agent_status_message of heartbeats";
    BIOS_REGISTRY = 74: "fields= and detail= of BIOS settings, and what the registry says of them";
    DRIVER_FIELDS = 77: "fields= of drivers";
    FILTER_SHARD = 82: "shard= of ports";
    CONTINUE_INSPECTION = 84: "continue_inspection, which 1.1 has too; before: NoObject";
    DRIVER_FIRMWARE = 86: "drivers show their firmware interfaces";
    VTEP_KEYS = 90: "keys of OVN VTEP switches in local_link_connection";
    SUFFIX_GONE = 91: ".json behind a path is a part of it";
    RUNBOOK = 92: "runbook of the targets clean and service";
    NODE_IDENT = 94: "node_ident of a new port";
    ANY_KEY = 98: "a patch names any key of an object, as JSON pointers do: ~1 is a slash, ~0 a tilde";
    GROUP_NETWORK = 102: "the physical network of a port in a port group is the group's";
    VTEP_KEYS_GONE = 105: "keys of OVN VTEP switches in local_link_connection are refused again";
    FILTER_SHARD_OF_PORTGROUPS = 106: "shard= of port groups";
    SERVICE_WITHOUT_RAMDISK = 108: "disable_ramdisk of the target service";
    RUNBOOK_TRAITS = 112: "names of runbooks are free: a node may use one with which it shares a trait";
    HISTORY_PROJECT = 113: "the history shows the project";
    FIRMWARE_IDENTITY = 114: "firmware shows vendor, model and serial number";
    HISTORY_STATE = 115: "the history shows the state, its target and its duration";
}
