//! The rules: one table, name to who. The names and who they let are Ironic's; those with `ferric:` are ours.
//!
//! What no role is enough for (secrets in the clear) has no rule: it is never shown.

use super::who::{Grant, In, Rule, Who};
use crate::auth::Role::{Admin, Manager, Member, Reader, Service};

const fn grant(role: crate::auth::Role, scope: In) -> Grant {
    Grant(role, scope)
}

/// Services of the cloud, with the setting that lets them everywhere.
const SERVICES: &[Grant] = &[grant(Service, In::Services)];
const SYSTEM_SERVICE: &[Grant] = &[grant(Service, In::System)];
const OWNER_SERVICE: &[Grant] = &[grant(Service, In::Owner)];
const ANY_SERVICE: &[Grant] = &[grant(Service, In::Anything)];
const ADMIN: &[Grant] = &[grant(Admin, In::System)];
const MEMBER: &[Grant] = &[grant(Member, In::System)];
const READER: &[Grant] = &[grant(Reader, In::System)];
const OWNER_ADMIN: &[Grant] = &[grant(Admin, In::Owner), grant(Manager, In::Owner)];
const OWNER_MANAGER: &[Grant] = &[grant(Manager, In::Owner)];
const OWNER_MEMBER: &[Grant] = &[grant(Member, In::Owner)];
const OWNER_READER: &[Grant] = &[grant(Reader, In::Owner)];
const LESSEE_ADMIN: &[Grant] = &[grant(Admin, In::Lessee), grant(Manager, In::Lessee)];
const LESSEE_MEMBER: &[Grant] = &[grant(Member, In::Lessee)];
const LESSEE_READER: &[Grant] = &[grant(Reader, In::Lessee)];

const SYSTEM_ADMIN: Who = &[ADMIN];
const SYSTEM_ADMIN_OR_SERVICE: Who = &[ADMIN, SYSTEM_SERVICE];
const SYSTEM_MEMBER: Who = &[MEMBER, SERVICES];
const SYSTEM_READER: Who = &[READER, SYSTEM_SERVICE, SERVICES];
/// For what exists in the system only: a token for a project, be it that of services, is for something else.
const ONLY_SYSTEM_MEMBER: Who = &[MEMBER];
const ONLY_SYSTEM_READER: Who = &[READER, SYSTEM_SERVICE];
const ANY_READER: Who = &[&[grant(Reader, In::Anything)], ANY_SERVICE];
const PROJECT_READER: Who = &[
    READER,
    SYSTEM_SERVICE,
    SERVICES,
    OWNER_READER,
    LESSEE_READER,
    OWNER_SERVICE,
];
const OWNING_READER: Who = &[
    READER,
    SYSTEM_SERVICE,
    SERVICES,
    OWNER_READER,
    OWNER_SERVICE,
];
const PROJECT_MEMBER: Who = &[
    MEMBER,
    SERVICES,
    SYSTEM_SERVICE,
    OWNER_MEMBER,
    LESSEE_MEMBER,
];
const OWNING_MEMBER: Who = &[
    MEMBER,
    SERVICES,
    SYSTEM_SERVICE,
    OWNER_MEMBER,
    OWNER_SERVICE,
];
const OWNING_MEMBER_OR_LEASING_ADMIN: Who = &[
    MEMBER,
    SERVICES,
    SYSTEM_SERVICE,
    OWNER_MEMBER,
    LESSEE_ADMIN,
    OWNER_SERVICE,
];
const OWNING_ADMIN: Who = &[MEMBER, SERVICES, SYSTEM_SERVICE, OWNER_ADMIN, OWNER_SERVICE];
/// A member of the system is not enough.
const ADMIN_OR_OWNING_ADMIN: Who = &[ADMIN, SYSTEM_SERVICE, OWNER_ADMIN, OWNER_SERVICE];
const PROJECT_ADMIN: Who = &[
    MEMBER,
    SERVICES,
    SYSTEM_SERVICE,
    OWNER_ADMIN,
    LESSEE_ADMIN,
    OWNER_SERVICE,
];
const RUNBOOK_ADMIN: Who = &[MEMBER, SERVICES, OWNER_MANAGER, ANY_SERVICE];
/// Who may do something to some node; each node of a request has its own rule then.
const WHOEVER_CHANGES_NODES: Who = &[
    &[
        grant(Admin, In::Anything),
        grant(Manager, In::Anything),
        grant(Member, In::Anything),
    ],
    ANY_SERVICE,
];

macro_rules! rules {
    ($($id:ident = $name:literal: $who:expr;)*) => {
        $(pub(in crate::api) const $id: Rule = Rule { name: $name, who: $who };)*
        /// All of them, in the order of this file.
        pub(super) const ALL: &[Rule] = &[$($id),*];
    };
}

rules! {
    NODE_CREATE = "baremetal:node:create": SYSTEM_ADMIN_OR_SERVICE;
    NODE_CREATE_SELF_OWNED = "baremetal:node:create:self_owned_node": &[&[grant(Admin, In::Anything)], ANY_SERVICE];
    NODE_LIST = "baremetal:node:list": ANY_READER;
    NODE_LIST_ALL = "baremetal:node:list_all": SYSTEM_READER;
    NODE_GET = "baremetal:node:get": PROJECT_READER;
    NODE_GET_LAST_ERROR = "baremetal:node:get:last_error": OWNING_READER;
    NODE_GET_RESERVATION = "baremetal:node:get:reservation": OWNING_READER;
    NODE_GET_DRIVER_INTERNAL_INFO = "baremetal:node:get:driver_internal_info": OWNING_READER;
    NODE_GET_DRIVER_INFO = "baremetal:node:get:driver_info": OWNING_READER;
    NODE_GET_FILTER_THRESHOLD = "baremetal:node:get:filter_threshold": SYSTEM_READER;
    NODE_UPDATE = "baremetal:node:update": PROJECT_MEMBER;
    NODE_UPDATE_EXTRA = "baremetal:node:update_extra": PROJECT_MEMBER;
    NODE_UPDATE_INSTANCE_INFO = "baremetal:node:update_instance_info": OWNING_MEMBER_OR_LEASING_ADMIN;
    NODE_UPDATE_OWNER_PROVISIONED = "baremetal:node:update_owner_provisioned": SYSTEM_ADMIN;
    NODE_UPDATE_DRIVER_INFO = "baremetal:node:update:driver_info": OWNING_MEMBER;
    NODE_UPDATE_PROPERTIES = "baremetal:node:update:properties": OWNING_MEMBER;
    NODE_UPDATE_CHASSIS = "baremetal:node:update:chassis_uuid": SYSTEM_ADMIN;
    NODE_UPDATE_INSTANCE_UUID = "baremetal:node:update:instance_uuid": OWNING_MEMBER;
    NODE_UPDATE_LESSEE = "baremetal:node:update:lessee": OWNING_MEMBER;
    NODE_UPDATE_OWNER = "baremetal:node:update:owner": SYSTEM_MEMBER;
    NODE_UPDATE_INTERFACES = "baremetal:node:update:driver_interfaces": OWNING_ADMIN;
    NODE_UPDATE_NETWORK_DATA = "baremetal:node:update:network_data": OWNING_MEMBER;
    NODE_UPDATE_CONDUCTOR_GROUP = "baremetal:node:update:conductor_group": SYSTEM_MEMBER;
    NODE_UPDATE_NAME = "baremetal:node:update:name": OWNING_MEMBER;
    NODE_UPDATE_RETIRED = "baremetal:node:update:retired": OWNING_MEMBER;
    NODE_UPDATE_SHARD = "baremetal:node:update:shard": SYSTEM_ADMIN;
    NODE_UPDATE_PARENT = "baremetal:node:update:parent_node": SYSTEM_MEMBER;
    NODE_UPDATE_DISABLE_POWER_OFF = "baremetal:node:update:disable_power_off": SYSTEM_ADMIN;
    NODE_DISABLE_CLEANING = "baremetal:node:disable_cleaning": SYSTEM_ADMIN;
    NODE_DELETE = "baremetal:node:delete": SYSTEM_ADMIN;
    NODE_DELETE_SELF_OWNED = "baremetal:node:delete:self_owned_node": &[&[grant(Admin, In::Owner)]];
    NODE_VALIDATE = "baremetal:node:validate": OWNING_MEMBER_OR_LEASING_ADMIN;
    NODE_SET_MAINTENANCE = "baremetal:node:set_maintenance": OWNING_MEMBER_OR_LEASING_ADMIN;
    NODE_CLEAR_MAINTENANCE = "baremetal:node:clear_maintenance": OWNING_MEMBER_OR_LEASING_ADMIN;
    NODE_GET_BOOT_DEVICE = "baremetal:node:get_boot_device": OWNING_ADMIN;
    NODE_SET_BOOT_DEVICE = "baremetal:node:set_boot_device": OWNING_ADMIN;
    NODE_GET_INDICATOR = "baremetal:node:get_indicator_state": PROJECT_READER;
    NODE_SET_INDICATOR = "baremetal:node:set_indicator_state": OWNING_MEMBER;
    NODE_INJECT_NMI = "baremetal:node:inject_nmi": OWNING_ADMIN;
    NODE_GET_STATES = "baremetal:node:get_states": PROJECT_READER;
    NODE_SET_POWER = "baremetal:node:set_power_state": PROJECT_MEMBER;
    NODE_SET_BOOT_MODE = "baremetal:node:set_boot_mode": PROJECT_MEMBER;
    NODE_SET_SECURE_BOOT = "baremetal:node:set_secure_boot": PROJECT_MEMBER;
    NODE_SET_PROVISION = "baremetal:node:set_provision_state": OWNING_MEMBER_OR_LEASING_ADMIN;
    NODE_SET_PROVISION_CLEAN = "baremetal:node:set_provision_state:clean_steps": OWNING_MEMBER_OR_LEASING_ADMIN;
    NODE_SET_PROVISION_SERVICE = "baremetal:node:set_provision_state:service_steps": OWNING_MEMBER_OR_LEASING_ADMIN;
    NODE_SET_RAID = "baremetal:node:set_raid_state": OWNING_MEMBER;
    NODE_GET_CONSOLE = "baremetal:node:get_console": OWNING_MEMBER;
    NODE_SET_CONSOLE = "baremetal:node:set_console_state": OWNING_MEMBER;
    NODE_VIF_LIST = "baremetal:node:vif:list": PROJECT_READER;
    NODE_VIF_ATTACH = "baremetal:node:vif:attach": OWNING_MEMBER_OR_LEASING_ADMIN;
    NODE_VIF_DETACH = "baremetal:node:vif:detach": OWNING_MEMBER_OR_LEASING_ADMIN;
    NODE_TRAITS_LIST = "baremetal:node:traits:list": PROJECT_READER;
    NODE_TRAITS_SET = "baremetal:node:traits:set": OWNING_ADMIN;
    NODE_TRAITS_DELETE = "baremetal:node:traits:delete": OWNING_ADMIN;
    NODE_BIOS_GET = "baremetal:node:bios:get": PROJECT_READER;
    NODE_FIRMWARE_GET = "baremetal:node:firmware:get": PROJECT_READER;
    NODE_HISTORY_GET = "baremetal:node:history:get": OWNING_READER;
    NODE_INVENTORY_GET = "baremetal:node:inventory:get": OWNING_READER;
    NODE_VMEDIA_GET = "baremetal:node:vmedia:get": PROJECT_READER;
    NODE_VMEDIA_ATTACH = "baremetal:node:vmedia:attach": PROJECT_MEMBER;
    NODE_VMEDIA_DETACH = "baremetal:node:vmedia:detach": PROJECT_MEMBER;
    NODE_VENDOR_PASSTHRU = "baremetal:node:vendor_passthru": SYSTEM_ADMIN;
    SHARDS_GET = "baremetal:shards:get": SYSTEM_READER;

    PORT_GET = "baremetal:port:get": PROJECT_READER;
    PORT_LIST = "baremetal:port:list": ANY_READER;
    PORT_LIST_ALL = "baremetal:port:list_all": SYSTEM_READER;
    PORT_CREATE = "baremetal:port:create": ADMIN_OR_OWNING_ADMIN;
    PORT_UPDATE = "baremetal:port:update": OWNING_ADMIN;
    PORT_DELETE = "baremetal:port:delete": ADMIN_OR_OWNING_ADMIN;
    PORTGROUP_GET = "baremetal:portgroup:get": PROJECT_READER;
    PORTGROUP_LIST = "baremetal:portgroup:list": ANY_READER;
    PORTGROUP_LIST_ALL = "baremetal:portgroup:list_all": SYSTEM_READER;
    PORTGROUP_CREATE = "baremetal:portgroup:create": ADMIN_OR_OWNING_ADMIN;
    PORTGROUP_UPDATE = "baremetal:portgroup:update": OWNING_ADMIN;
    PORTGROUP_DELETE = "baremetal:portgroup:delete": ADMIN_OR_OWNING_ADMIN;

    CHASSIS_GET = "baremetal:chassis:get": ONLY_SYSTEM_READER;
    CHASSIS_CREATE = "baremetal:chassis:create": SYSTEM_ADMIN;
    CHASSIS_UPDATE = "baremetal:chassis:update": ONLY_SYSTEM_MEMBER;
    CHASSIS_DELETE = "baremetal:chassis:delete": SYSTEM_ADMIN;

    DRIVER_GET = "baremetal:driver:get": ONLY_SYSTEM_READER;
    DRIVER_GET_PROPERTIES = "baremetal:driver:get_properties": ONLY_SYSTEM_READER;
    DRIVER_GET_RAID_PROPERTIES = "baremetal:driver:get_raid_logical_disk_properties": ONLY_SYSTEM_READER;
    DRIVER_VENDOR_PASSTHRU = "baremetal:driver:vendor_passthru": SYSTEM_ADMIN;
    CONDUCTOR_GET = "baremetal:conductor:get": SYSTEM_READER;
    EVENTS_POST = "baremetal:events:post": SYSTEM_ADMIN;

    VOLUME_LIST = "baremetal:volume:list": ANY_READER;
    VOLUME_LIST_ALL = "baremetal:volume:list_all": SYSTEM_READER;
    VOLUME_GET = "baremetal:volume:get": PROJECT_READER;
    VOLUME_CREATE = "baremetal:volume:create": PROJECT_ADMIN;
    VOLUME_UPDATE = "baremetal:volume:update": OWNING_MEMBER_OR_LEASING_ADMIN;
    VOLUME_DELETE = "baremetal:volume:delete": PROJECT_ADMIN;
    VOLUME_VIEW_PROPERTIES = "baremetal:volume:view_target_properties": &[READER, SYSTEM_SERVICE, SERVICES, &[grant(Admin, In::Anything)]];

    ALLOCATION_GET = "baremetal:allocation:get": &[READER, SYSTEM_SERVICE, SERVICES, OWNER_READER];
    ALLOCATION_LIST = "baremetal:allocation:list": ANY_READER;
    ALLOCATION_LIST_ALL = "baremetal:allocation:list_all": SYSTEM_READER;
    ALLOCATION_CREATE = "baremetal:allocation:create": &[MEMBER, SERVICES, &[grant(Member, In::Anything)]];
    ALLOCATION_CREATE_RESTRICTED = "baremetal:allocation:create_restricted": SYSTEM_MEMBER;
    ALLOCATION_UPDATE = "baremetal:allocation:update": &[MEMBER, SERVICES, OWNER_MEMBER];
    ALLOCATION_DELETE = "baremetal:allocation:delete": &[MEMBER, SERVICES, OWNER_MEMBER];

    DEPLOY_TEMPLATE_GET = "baremetal:deploy_template:get": SYSTEM_READER;
    DEPLOY_TEMPLATE_CREATE = "baremetal:deploy_template:create": SYSTEM_ADMIN;
    DEPLOY_TEMPLATE_UPDATE = "baremetal:deploy_template:update": SYSTEM_ADMIN;
    DEPLOY_TEMPLATE_DELETE = "baremetal:deploy_template:delete": SYSTEM_ADMIN;

    RUNBOOK_GET = "baremetal:runbook:get": &[READER, SYSTEM_SERVICE, SERVICES, OWNER_READER, ANY_SERVICE];
    RUNBOOK_LIST = "baremetal:runbook:list": ANY_READER;
    RUNBOOK_LIST_ALL = "baremetal:runbook:list_all": SYSTEM_READER;
    RUNBOOK_CREATE = "baremetal:runbook:create": &[MEMBER, SERVICES, &[grant(Manager, In::Anything)], ANY_SERVICE];
    RUNBOOK_UPDATE = "baremetal:runbook:update": RUNBOOK_ADMIN;
    RUNBOOK_UPDATE_PUBLIC = "baremetal:runbook:update:public": SYSTEM_MEMBER;
    RUNBOOK_UPDATE_OWNER = "baremetal:runbook:update:owner": SYSTEM_MEMBER;
    RUNBOOK_DELETE = "baremetal:runbook:delete": RUNBOOK_ADMIN;
    RUNBOOK_USE = "baremetal:runbook:use": RUNBOOK_ADMIN;

    INSPECTION_RULE_GET = "baremetal:inspection_rule:get": SYSTEM_READER;
    INSPECTION_RULE_LIST_ALL = "baremetal:inspection_rule:list_all": SYSTEM_READER;
    INSPECTION_RULE_CREATE = "baremetal:inspection_rule:create": SYSTEM_ADMIN;
    INSPECTION_RULE_UPDATE = "baremetal:inspection_rule:update": SYSTEM_ADMIN;
    INSPECTION_RULE_DELETE = "baremetal:inspection_rule:delete": SYSTEM_ADMIN;

    FERRIC_METRICS = "ferric:metrics:get": SYSTEM_READER;
    FERRIC_DRAIN = "ferric:conductor:drain": SYSTEM_ADMIN;
    FERRIC_EVENTS = "ferric:events:get": SYSTEM_READER;
    FERRIC_TIMELINE = "ferric:node:timeline": OWNING_READER;
    FERRIC_EXPLAIN = "ferric:node:explain": OWNING_READER;
    FERRIC_PLAN = "ferric:node:plan": OWNING_MEMBER_OR_LEASING_ADMIN;
    FERRIC_EXPORT = "ferric:export": SYSTEM_ADMIN;
    FERRIC_IMPORT = "ferric:import": SYSTEM_ADMIN;
    FERRIC_BULK = "ferric:node:bulk": WHOEVER_CHANGES_NODES;
    FERRIC_BULK_GET = "ferric:bulk:get": OWNING_READER;
    FERRIC_BULK_LIST = "ferric:bulk:list": ANY_READER;
    FERRIC_BULK_LIST_ALL = "ferric:bulk:list_all": SYSTEM_READER;
    FERRIC_BULK_CANCEL = "ferric:bulk:cancel": OWNING_MEMBER;
    FERRIC_ERASE_RECORDS = "ferric:node:erase_records": OWNING_READER;
    // A public key, which whoever keeps records must be able to keep too.
    FERRIC_ERASE_KEY = "ferric:erase_key:get": ANY_READER;
}
