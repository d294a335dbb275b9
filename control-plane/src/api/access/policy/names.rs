//! What Ironic has beside the rules of its methods: named parts of rules, rules that go by another one's old name, and
//! rules that nothing asks here.

/// The part of most rules that lets services: a file may put another in its place.
pub(super) const SERVICE_ROLE: &str = "service_role";

/// Parts of rules, as Ironic writes them. No rule of Ferric's has them in it; those of a file may.
pub(super) const PARTS: &[(&str, &str)] = &[
    ("admin_api", "role:admin or role:administrator"),
    ("public_api", "is_public_api:True"),
    (
        "is_member",
        "(project_domain_id:default or project_domain_id:None) and (project_name:demo or project_name:baremetal)",
    ),
    (
        "is_observer",
        "rule:is_member and (role:observer or role:baremetal_observer)",
    ),
    (
        "is_admin",
        "rule:admin_api or (rule:is_member and role:baremetal_admin)",
    ),
    ("is_node_owner", "project_id:%(node.owner)s"),
    ("is_node_lessee", "project_id:%(node.lessee)s"),
    ("is_allocation_owner", "project_id:%(allocation.owner)s"),
];

/// A rule that was split off from another: a file that changes the latter and not the former changes both, as in Ironic.
pub(super) const SPLIT_OFF: &[(&str, &str)] = &[
    ("baremetal:node:get:filter_threshold", "baremetal:node:get"),
    ("baremetal:node:get:last_error", "baremetal:node:get"),
    ("baremetal:node:get:reservation", "baremetal:node:get"),
    (
        "baremetal:node:get:driver_internal_info",
        "baremetal:node:get",
    ),
    ("baremetal:node:get:driver_info", "baremetal:node:get"),
    ("baremetal:node:update:driver_info", "baremetal:node:update"),
    ("baremetal:node:update:properties", "baremetal:node:update"),
    (
        "baremetal:node:update:chassis_uuid",
        "baremetal:node:update",
    ),
    (
        "baremetal:node:update:instance_uuid",
        "baremetal:node:update",
    ),
    ("baremetal:node:update:lessee", "baremetal:node:update"),
    ("baremetal:node:update:owner", "baremetal:node:update"),
    (
        "baremetal:node:update:driver_interfaces",
        "baremetal:node:update",
    ),
    (
        "baremetal:node:update:network_data",
        "baremetal:node:update",
    ),
    (
        "baremetal:node:update:conductor_group",
        "baremetal:node:update",
    ),
    ("baremetal:node:update:name", "baremetal:node:update"),
    ("baremetal:node:update:retired", "baremetal:node:update"),
    (
        "baremetal:node:set_boot_device",
        "baremetal:node:set_maintenance",
    ),
    (
        "baremetal:node:set_boot_mode",
        "baremetal:node:set_power_state",
    ),
    (
        "baremetal:node:set_secure_boot",
        "baremetal:node:set_power_state",
    ),
    ("baremetal:node:history:get", "baremetal:node:get"),
    ("baremetal:node:inventory:get", "baremetal:node:get"),
    ("baremetal:portgroup:list", "baremetal:portgroup:get"),
    ("baremetal:portgroup:list_all", "baremetal:portgroup:get"),
    ("baremetal:volume:list_all", "baremetal:volume:get"),
    ("baremetal:volume:list", "baremetal:volume:get"),
    (
        "baremetal:volume:view_target_properties",
        "baremetal:volume:update",
    ),
];

/// Rules of what exists in the system only: whatever a file says, a token for a project is for something else.
pub(super) const SYSTEM_ONLY: &[&str] = &[
    "baremetal:node:update_owner_provisioned",
    "baremetal:chassis:get",
    "baremetal:chassis:create",
    "baremetal:chassis:update",
    "baremetal:chassis:delete",
    "baremetal:driver:get",
    "baremetal:driver:get_properties",
    "baremetal:driver:get_raid_logical_disk_properties",
    "baremetal:driver:vendor_passthru",
    "baremetal:events:post",
];

/// Rules of Ironic's that nothing asks here, and why.
pub(super) const UNASKED: &[(&str, &str)] = &[
    ("show_password", "secrets are shown to nobody"),
    ("show_instance_secrets", "secrets are shown to nobody"),
    (
        "baremetal:node:ipa_heartbeat",
        "machines have no user: their listener is everybody's who reaches it",
    ),
    (
        "baremetal:driver:ipa_lookup",
        "machines have no user: their listener is everybody's who reaches it",
    ),
    (
        "baremetal:driver:ipa_continue_inspection",
        "machines have no user: their listener is everybody's who reaches it",
    ),
    (
        "baremetal:allocation:create_pre_rbac",
        "it belongs to the time before Ironic's present roles",
    ),
];
