//! Every method of every path of the operators' API, with what guards it, and since which version of Ironic's API it is
//! there. What stands here nowhere does not exist.
//!
//! A `{}` stands for whatever a route calls its parameter. Rows may be there before their routes are.

use super::guard::{Guard, Held, ListRules};
use super::rules;
use super::since::{Gates, Old};
use http::Method;
use std::collections::HashMap;
use std::sync::LazyLock;

/// For paths that take every method.
const ANY: &str = "*";

const NODES: ListRules = ListRules {
    all: rules::NODE_LIST_ALL,
    own: rules::NODE_LIST,
};
const PORTS: ListRules = ListRules {
    all: rules::PORT_LIST_ALL,
    own: rules::PORT_LIST,
};
const PORTGROUPS: ListRules = ListRules {
    all: rules::PORTGROUP_LIST_ALL,
    own: rules::PORTGROUP_LIST,
};
const VOLUMES: ListRules = ListRules {
    all: rules::VOLUME_LIST_ALL,
    own: rules::VOLUME_LIST,
};
const ALLOCATIONS: ListRules = ListRules {
    all: rules::ALLOCATION_LIST_ALL,
    own: rules::ALLOCATION_LIST,
};
const RUNBOOKS: ListRules = ListRules {
    all: rules::RUNBOOK_LIST_ALL,
    own: rules::RUNBOOK_LIST,
};

const BULK_REQUESTS: ListRules = ListRules {
    all: rules::FERRIC_BULK_LIST_ALL,
    own: rules::FERRIC_BULK_LIST,
};

macro_rules! table {
    ($($method:literal $path:literal $(since $since:literal $old:ident)*: $guard:expr;)*) => {
        pub(super) const TABLE: &[(&str, &str, Guard)] = &[$(($method, $path, $guard)),*];
        /// Of each row: the versions that brought it, and what older ones are told.
        pub(super) const GATES: &[Gates] = &[$(&[$(($since, Old::$old)),*]),*];
    };
}

table! {
    "GET" "/": Guard::Public;
    "GET" "/v1": Guard::Public;
    "GET" "/v1/lookup" since 22 Hidden: Guard::Public;
    "POST" "/v1/heartbeat/{}" since 22 Hidden: Guard::Public;
    "POST" "/v1/continue_inspection": Guard::Public;
    "GET" "/openapi.json": Guard::Public;
    "GET" "/docs": Guard::Public;
    // Nodes.
    "GET" "/v1/nodes": Guard::List(NODES);
    "POST" "/v1/nodes": Guard::Handler(rules::NODE_CREATE);
    "GET" "/v1/nodes/detail": Guard::List(NODES);
    "GET" "/v1/nodes/validate": Guard::Handler(rules::NODE_VALIDATE);
    "GET" "/v1/nodes/{}": Guard::Node(rules::NODE_GET);
    "PATCH" "/v1/nodes/{}": Guard::Handler(rules::NODE_UPDATE);
    "DELETE" "/v1/nodes/{}": Guard::NodeOrOwn(rules::NODE_DELETE, rules::NODE_DELETE_SELF_OWNED);
    "GET" "/v1/nodes/{}/states": Guard::Node(rules::NODE_GET_STATES);
    "PUT" "/v1/nodes/{}/states/power": Guard::Node(rules::NODE_SET_POWER);
    "PUT" "/v1/nodes/{}/states/provision": Guard::Node(rules::NODE_SET_PROVISION);
    "PUT" "/v1/nodes/{}/states/raid" since 12 NotAcceptable: Guard::Node(rules::NODE_SET_RAID);
    "GET" "/v1/nodes/{}/states/console": Guard::Node(rules::NODE_GET_CONSOLE);
    "PUT" "/v1/nodes/{}/states/console": Guard::Node(rules::NODE_SET_CONSOLE);
    "PUT" "/v1/nodes/{}/states/boot_mode" since 76 NoObject: Guard::Node(rules::NODE_SET_BOOT_MODE);
    "PUT" "/v1/nodes/{}/states/secure_boot" since 76 NoObject: Guard::Node(rules::NODE_SET_SECURE_BOOT);
    "PUT" "/v1/nodes/{}/maintenance": Guard::Node(rules::NODE_SET_MAINTENANCE);
    "DELETE" "/v1/nodes/{}/maintenance": Guard::Node(rules::NODE_CLEAR_MAINTENANCE);
    "GET" "/v1/nodes/{}/management/boot_device": Guard::Node(rules::NODE_GET_BOOT_DEVICE);
    "PUT" "/v1/nodes/{}/management/boot_device": Guard::Node(rules::NODE_SET_BOOT_DEVICE);
    "GET" "/v1/nodes/{}/management/boot_device/supported": Guard::Node(rules::NODE_GET_BOOT_DEVICE);
    "PUT" "/v1/nodes/{}/management/inject_nmi" since 29 NoObject: Guard::Node(rules::NODE_INJECT_NMI);
    "GET" "/v1/nodes/{}/management/indicators": Guard::Node(rules::NODE_GET_INDICATOR);
    "GET" "/v1/nodes/{}/management/indicators/{}": Guard::Node(rules::NODE_GET_INDICATOR);
    "PUT" "/v1/nodes/{}/management/indicators/{}": Guard::Node(rules::NODE_SET_INDICATOR);
    "*" "/v1/nodes/{}/vendor_passthru": Guard::Node(rules::NODE_VENDOR_PASSTHRU);
    "GET" "/v1/nodes/{}/vendor_passthru/methods": Guard::Node(rules::NODE_VENDOR_PASSTHRU);
    "*" "/v1/nodes/{}/vendor_passthru/{}": Guard::Node(rules::NODE_VENDOR_PASSTHRU);
    "GET" "/v1/nodes/{}/validate": Guard::Node(rules::NODE_VALIDATE);
    "GET" "/v1/nodes/{}/inventory" since 81 NoPath: Guard::Node(rules::NODE_INVENTORY_GET);
    "GET" "/v1/nodes/{}/children" since 83 NoPath: Guard::NodeList(NODES);
    "GET" "/v1/nodes/{}/history" since 78 NoPath: Guard::Node(rules::NODE_HISTORY_GET);
    "GET" "/v1/nodes/{}/history/{}" since 78 NoPath: Guard::Node(rules::NODE_HISTORY_GET);
    "GET" "/v1/nodes/{}/bios" since 40 NoPath: Guard::Node(rules::NODE_BIOS_GET);
    "GET" "/v1/nodes/{}/bios/{}" since 40 NoPath: Guard::Node(rules::NODE_BIOS_GET);
    "GET" "/v1/nodes/{}/firmware" since 86 NoPath: Guard::Node(rules::NODE_FIRMWARE_GET);
    "GET" "/v1/nodes/{}/vmedia" since 89 NoPath since 93 NoObject: Guard::Node(rules::NODE_VMEDIA_GET);
    "POST" "/v1/nodes/{}/vmedia" since 89 NoPath: Guard::Node(rules::NODE_VMEDIA_ATTACH);
    "DELETE" "/v1/nodes/{}/vmedia" since 89 NoPath: Guard::Node(rules::NODE_VMEDIA_DETACH);
    "GET" "/v1/nodes/{}/vifs" since 28 NoPath: Guard::Node(rules::NODE_VIF_LIST);
    "POST" "/v1/nodes/{}/vifs" since 28 NoPath: Guard::Node(rules::NODE_VIF_ATTACH);
    "DELETE" "/v1/nodes/{}/vifs/{}" since 28 NoPath: Guard::Node(rules::NODE_VIF_DETACH);
    "GET" "/v1/nodes/{}/traits" since 37 NotAcceptable: Guard::Node(rules::NODE_TRAITS_LIST);
    "PUT" "/v1/nodes/{}/traits" since 37 NoMethod: Guard::Node(rules::NODE_TRAITS_SET);
    "DELETE" "/v1/nodes/{}/traits" since 37 Hidden: Guard::Node(rules::NODE_TRAITS_DELETE);
    "PUT" "/v1/nodes/{}/traits/{}" since 37 NoMethod: Guard::Node(rules::NODE_TRAITS_SET);
    "DELETE" "/v1/nodes/{}/traits/{}" since 37 Hidden: Guard::Node(rules::NODE_TRAITS_DELETE);
    "GET" "/v1/nodes/{}/allocation" since 52 NoPath: Guard::Handler(rules::ALLOCATION_GET);
    "DELETE" "/v1/nodes/{}/allocation" since 52 NoPath: Guard::Handler(rules::ALLOCATION_DELETE);
    "GET" "/v1/nodes/{}/portgroups" since 24 NoPath: Guard::NodeList(PORTGROUPS);
    "GET" "/v1/nodes/{}/portgroups/detail" since 24 NoPath: Guard::NodeList(PORTGROUPS);
    "GET" "/v1/nodes/{}/volume" since 32 NoObject: Guard::Node(rules::VOLUME_GET);
    "GET" "/v1/nodes/{}/volume/connectors" since 32 NoPath: Guard::NodeList(VOLUMES);
    "GET" "/v1/nodes/{}/volume/targets" since 32 NoPath: Guard::NodeList(VOLUMES);
    // Ports.
    "GET" "/v1/ports": Guard::List(PORTS);
    "POST" "/v1/ports": Guard::Handler(rules::PORT_CREATE);
    "GET" "/v1/ports/detail": Guard::List(PORTS);
    "GET" "/v1/ports/{}": Guard::Held(Held::PORT, rules::PORT_GET);
    "PATCH" "/v1/ports/{}": Guard::Held(Held::PORT, rules::PORT_UPDATE);
    "DELETE" "/v1/ports/{}": Guard::Held(Held::PORT, rules::PORT_DELETE);
    "GET" "/v1/nodes/{}/ports": Guard::NodeList(PORTS);
    "GET" "/v1/nodes/{}/ports/detail": Guard::NodeList(PORTS);
    // Allocations.
    "GET" "/v1/allocations" since 52 NoObject: Guard::List(ALLOCATIONS);
    "POST" "/v1/allocations" since 52 NoChange: Guard::Handler(rules::ALLOCATION_CREATE);
    "GET" "/v1/allocations/{}" since 52 NoObject: Guard::Allocation(rules::ALLOCATION_GET);
    "PATCH" "/v1/allocations/{}" since 57 NoChange: Guard::Allocation(rules::ALLOCATION_UPDATE);
    "DELETE" "/v1/allocations/{}" since 52 NoChange: Guard::Allocation(rules::ALLOCATION_DELETE);
    // Port groups and volumes.
    "GET" "/v1/portgroups" since 23 NoObject: Guard::List(PORTGROUPS);
    "POST" "/v1/portgroups" since 23 NoObject: Guard::Handler(rules::PORTGROUP_CREATE);
    "GET" "/v1/portgroups/detail" since 23 NoObject: Guard::List(PORTGROUPS);
    "GET" "/v1/portgroups/{}" since 23 NoObject: Guard::Held(Held::PORTGROUP, rules::PORTGROUP_GET);
    "PATCH" "/v1/portgroups/{}" since 23 NoObject: Guard::Held(Held::PORTGROUP, rules::PORTGROUP_UPDATE);
    "DELETE" "/v1/portgroups/{}" since 23 NoObject: Guard::Held(Held::PORTGROUP, rules::PORTGROUP_DELETE);
    "GET" "/v1/portgroups/{}/ports" since 24 NoPath: Guard::HeldList(Held::PORTGROUP, PORTS);
    "GET" "/v1/portgroups/{}/ports/detail" since 24 NoPath: Guard::HeldList(Held::PORTGROUP, PORTS);
    "GET" "/v1/volume" since 32 NoObject: Guard::Caller(rules::VOLUME_LIST);
    "GET" "/v1/volume/connectors" since 32 NoPath: Guard::List(VOLUMES);
    "POST" "/v1/volume/connectors" since 32 NoPath: Guard::Handler(rules::VOLUME_CREATE);
    "GET" "/v1/volume/connectors/{}" since 32 NoPath: Guard::Held(Held::CONNECTOR, rules::VOLUME_GET);
    "PATCH" "/v1/volume/connectors/{}" since 32 NoPath: Guard::Held(Held::CONNECTOR, rules::VOLUME_UPDATE);
    "DELETE" "/v1/volume/connectors/{}" since 32 NoPath: Guard::Held(Held::CONNECTOR, rules::VOLUME_DELETE);
    "GET" "/v1/volume/targets" since 32 NoPath: Guard::List(VOLUMES);
    "POST" "/v1/volume/targets" since 32 NoPath: Guard::Handler(rules::VOLUME_CREATE);
    "GET" "/v1/volume/targets/{}" since 32 NoPath: Guard::Held(Held::TARGET, rules::VOLUME_GET);
    "PATCH" "/v1/volume/targets/{}" since 32 NoPath: Guard::Held(Held::TARGET, rules::VOLUME_UPDATE);
    "DELETE" "/v1/volume/targets/{}" since 32 NoPath: Guard::Held(Held::TARGET, rules::VOLUME_DELETE);
    // What is the system's.
    "GET" "/v1/drivers": Guard::Caller(rules::DRIVER_GET);
    "GET" "/v1/drivers/{}": Guard::Caller(rules::DRIVER_GET);
    "GET" "/v1/drivers/{}/properties": Guard::Caller(rules::DRIVER_GET_PROPERTIES);
    "GET" "/v1/drivers/{}/raid/logical_disk_properties" since 12 NotAcceptable:
        Guard::Caller(rules::DRIVER_GET_RAID_PROPERTIES);
    "*" "/v1/drivers/{}/vendor_passthru": Guard::Caller(rules::DRIVER_VENDOR_PASSTHRU);
    "GET" "/v1/drivers/{}/vendor_passthru/methods": Guard::Caller(rules::DRIVER_VENDOR_PASSTHRU);
    "*" "/v1/drivers/{}/vendor_passthru/{}": Guard::Caller(rules::DRIVER_VENDOR_PASSTHRU);
    "GET" "/v1/conductors" since 49 NoObject: Guard::Caller(rules::CONDUCTOR_GET);
    "GET" "/v1/conductors/{}" since 49 NoObject: Guard::Caller(rules::CONDUCTOR_GET);
    "GET" "/v1/shards" since 82 NoObject: Guard::Caller(rules::SHARDS_GET);
    "POST" "/v1/events" since 54 NoObject: Guard::Caller(rules::EVENTS_POST);
    "GET" "/v1/chassis": Guard::Caller(rules::CHASSIS_GET);
    "POST" "/v1/chassis": Guard::Caller(rules::CHASSIS_CREATE);
    "GET" "/v1/chassis/detail": Guard::Caller(rules::CHASSIS_GET);
    "GET" "/v1/chassis/{}": Guard::Caller(rules::CHASSIS_GET);
    "PATCH" "/v1/chassis/{}": Guard::Caller(rules::CHASSIS_UPDATE);
    "DELETE" "/v1/chassis/{}": Guard::Caller(rules::CHASSIS_DELETE);
    "GET" "/v1/chassis/{}/nodes": Guard::List(NODES);
    "GET" "/v1/chassis/{}/nodes/detail": Guard::List(NODES);
    "GET" "/v1/deploy_templates" since 55 NoPath: Guard::Caller(rules::DEPLOY_TEMPLATE_GET);
    "POST" "/v1/deploy_templates" since 55 NoMethod: Guard::Caller(rules::DEPLOY_TEMPLATE_CREATE);
    "GET" "/v1/deploy_templates/{}" since 55 NoPath: Guard::Caller(rules::DEPLOY_TEMPLATE_GET);
    "PATCH" "/v1/deploy_templates/{}" since 55 NoMethod: Guard::Caller(rules::DEPLOY_TEMPLATE_UPDATE);
    "DELETE" "/v1/deploy_templates/{}" since 55 NoMethod: Guard::Caller(rules::DEPLOY_TEMPLATE_DELETE);
    "GET" "/v1/inspection_rules" since 96 NoObject: Guard::Caller(rules::INSPECTION_RULE_GET);
    "POST" "/v1/inspection_rules" since 96 NoChange: Guard::Caller(rules::INSPECTION_RULE_CREATE);
    "DELETE" "/v1/inspection_rules" since 96 NoChange: Guard::Caller(rules::INSPECTION_RULE_DELETE);
    "GET" "/v1/inspection_rules/{}" since 96 NoObject: Guard::Caller(rules::INSPECTION_RULE_GET);
    "PATCH" "/v1/inspection_rules/{}" since 96 NoChange: Guard::Caller(rules::INSPECTION_RULE_UPDATE);
    "DELETE" "/v1/inspection_rules/{}" since 96 NoChange: Guard::Caller(rules::INSPECTION_RULE_DELETE);
    // Runbooks.
    "GET" "/v1/runbooks" since 92 NoPath: Guard::List(RUNBOOKS);
    "POST" "/v1/runbooks" since 92 NoMethod: Guard::Caller(rules::RUNBOOK_CREATE);
    "GET" "/v1/runbooks/{}" since 92 NoPath: Guard::PublicRunbook(rules::RUNBOOK_GET);
    "PATCH" "/v1/runbooks/{}" since 92 NoMethod: Guard::Handler(rules::RUNBOOK_UPDATE);
    "DELETE" "/v1/runbooks/{}" since 92 NoMethod: Guard::Runbook(rules::RUNBOOK_DELETE);
    "GET" "/v1/runbooks/{}/traits" since 112 NoPath: Guard::Runbook(rules::RUNBOOK_GET);
    "PUT" "/v1/runbooks/{}/traits" since 112 NoMethod: Guard::Runbook(rules::RUNBOOK_UPDATE);
    "DELETE" "/v1/runbooks/{}/traits" since 112 NoMethod: Guard::Runbook(rules::RUNBOOK_UPDATE);
    "PUT" "/v1/runbooks/{}/traits/{}" since 112 NoMethod: Guard::Runbook(rules::RUNBOOK_UPDATE);
    "DELETE" "/v1/runbooks/{}/traits/{}" since 112 NoMethod: Guard::Runbook(rules::RUNBOOK_UPDATE);
    // Ours.
    "GET" "/metrics": Guard::Caller(rules::FERRIC_METRICS);
    "GET" "/ferric/v1/drain": Guard::Caller(rules::CONDUCTOR_GET);
    "POST" "/ferric/v1/drain": Guard::Caller(rules::FERRIC_DRAIN);
    "GET" "/ferric/v1/export": Guard::Caller(rules::FERRIC_EXPORT);
    "POST" "/ferric/v1/import": Guard::Caller(rules::FERRIC_IMPORT);
    "GET" "/ferric/v1/events": Guard::Caller(rules::FERRIC_EVENTS);
    "GET" "/ferric/v1/nodes/{}/timeline": Guard::Node(rules::FERRIC_TIMELINE);
    "GET" "/ferric/v1/nodes/{}/explain": Guard::Node(rules::FERRIC_EXPLAIN);
    "POST" "/ferric/v1/nodes/bulk": Guard::Caller(rules::FERRIC_BULK);
    "GET" "/ferric/v1/bulk": Guard::List(BULK_REQUESTS);
    "GET" "/ferric/v1/bulk/{}": Guard::Handler(rules::FERRIC_BULK_GET);
    "POST" "/ferric/v1/bulk/{}/cancel": Guard::Handler(rules::FERRIC_BULK_CANCEL);
    "POST" "/ferric/v1/nodes/{}/plan": Guard::Node(rules::FERRIC_PLAN);
    "GET" "/ferric/v1/nodes/{}/erase-records": Guard::Node(rules::FERRIC_ERASE_RECORDS);
    "GET" "/ferric/v1/erase-key": Guard::Caller(rules::FERRIC_ERASE_KEY);
}

/// A row, of which the path is known.
struct Row {
    method: &'static str,
    guard: &'static Guard,
    gates: Gates,
}

static BY_PATH: LazyLock<HashMap<&'static str, Vec<Row>>> = LazyLock::new(|| {
    let mut by_path: HashMap<&'static str, Vec<Row>> = HashMap::new();
    for ((method, path, guard), gates) in TABLE.iter().zip(GATES) {
        by_path.entry(path).or_default().push(Row {
            method,
            guard,
            gates,
        });
    }
    by_path
});

/// The row of this method of a route; the path is as the router has it.
fn row(method: &Method, path: &str) -> Option<&'static Row> {
    let method = match method {
        &Method::HEAD => "GET",
        method => method.as_str(),
    };
    let mut rows = BY_PATH.get(unnamed(path).as_str())?.iter();
    rows.find(|row| row.method == method || row.method == ANY)
}

/// What guards it.
pub(super) fn guard(method: &Method, path: &str) -> Option<&'static Guard> {
    row(method, path).map(|row| row.guard)
}

/// Since when it is there.
pub(super) fn gates(method: &Method, path: &str) -> Gates {
    row(method, path).map_or(&[], |row| row.gates)
}

/// Whether GET of the path is a list of what nodes, or projects, have.
pub(in crate::api) fn is_list(path: &str) -> bool {
    matches!(
        guard(&Method::GET, path),
        Some(Guard::List(_) | Guard::NodeList(_) | Guard::HeldList(..))
    )
}

/// Whether nobody is asked who they are, whatever the method.
pub(super) fn is_public(path: &str) -> bool {
    let rows = BY_PATH.get(unnamed(path).as_str());
    rows.is_some_and(|rows| rows.iter().all(|row| matches!(row.guard, Guard::Public)))
}

/// The methods that the path has, for the header `Allow`.
pub(super) fn methods(path: &str) -> String {
    let rows = BY_PATH.get(unnamed(path).as_str());
    let methods = rows.into_iter().flatten().map(|row| row.method);
    methods.collect::<Vec<_>>().join(",")
}

/// The path with its parameters' names left out.
pub(super) fn unnamed(path: &str) -> String {
    let mut short = String::with_capacity(path.len());
    for segment in path.split('/').skip(1) {
        short.push('/');
        short.push_str(if segment.starts_with('{') {
            "{}"
        } else {
            segment
        });
    }
    short
}
