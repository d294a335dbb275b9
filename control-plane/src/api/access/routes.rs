//! Every method of every path of the operators' API, with what guards it. What stands here nowhere does not exist.
//!
//! A `{}` stands for whatever a route calls its parameter. Rows may be there before their routes are.

use super::guard::{Guard, Held, ListRules};
use super::rules;
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

macro_rules! table {
    ($($method:literal $path:literal: $guard:expr;)*) => {
        pub(super) const TABLE: &[(&str, &str, Guard)] = &[$(($method, $path, $guard)),*];
    };
}

table! {
    "GET" "/": Guard::Public;
    "GET" "/v1": Guard::Public;
    "GET" "/v1/lookup": Guard::Public;
    "POST" "/v1/heartbeat/{}": Guard::Public;
    "POST" "/v1/continue_inspection": Guard::Public;
    "GET" "/openapi.json": Guard::Public;
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
    "PUT" "/v1/nodes/{}/states/raid": Guard::Node(rules::NODE_SET_RAID);
    "GET" "/v1/nodes/{}/states/console": Guard::Node(rules::NODE_GET_CONSOLE);
    "PUT" "/v1/nodes/{}/states/console": Guard::Node(rules::NODE_SET_CONSOLE);
    "PUT" "/v1/nodes/{}/states/boot_mode": Guard::Node(rules::NODE_SET_BOOT_MODE);
    "PUT" "/v1/nodes/{}/states/secure_boot": Guard::Node(rules::NODE_SET_SECURE_BOOT);
    "PUT" "/v1/nodes/{}/maintenance": Guard::Node(rules::NODE_SET_MAINTENANCE);
    "DELETE" "/v1/nodes/{}/maintenance": Guard::Node(rules::NODE_CLEAR_MAINTENANCE);
    "GET" "/v1/nodes/{}/management/boot_device": Guard::Node(rules::NODE_GET_BOOT_DEVICE);
    "PUT" "/v1/nodes/{}/management/boot_device": Guard::Node(rules::NODE_SET_BOOT_DEVICE);
    "GET" "/v1/nodes/{}/management/boot_device/supported": Guard::Node(rules::NODE_GET_BOOT_DEVICE);
    "PUT" "/v1/nodes/{}/management/inject_nmi": Guard::Node(rules::NODE_INJECT_NMI);
    "GET" "/v1/nodes/{}/management/indicators": Guard::Node(rules::NODE_GET_INDICATOR);
    "GET" "/v1/nodes/{}/management/indicators/{}": Guard::Node(rules::NODE_GET_INDICATOR);
    "PUT" "/v1/nodes/{}/management/indicators/{}": Guard::Node(rules::NODE_SET_INDICATOR);
    "*" "/v1/nodes/{}/vendor_passthru": Guard::Node(rules::NODE_VENDOR_PASSTHRU);
    "GET" "/v1/nodes/{}/vendor_passthru/methods": Guard::Node(rules::NODE_VENDOR_PASSTHRU);
    "*" "/v1/nodes/{}/vendor_passthru/{}": Guard::Node(rules::NODE_VENDOR_PASSTHRU);
    "GET" "/v1/nodes/{}/validate": Guard::Node(rules::NODE_VALIDATE);
    "GET" "/v1/nodes/{}/inventory": Guard::Node(rules::NODE_INVENTORY_GET);
    "GET" "/v1/nodes/{}/children": Guard::NodeList(NODES);
    "GET" "/v1/nodes/{}/history": Guard::Node(rules::NODE_HISTORY_GET);
    "GET" "/v1/nodes/{}/history/{}": Guard::Node(rules::NODE_HISTORY_GET);
    "GET" "/v1/nodes/{}/bios": Guard::Node(rules::NODE_BIOS_GET);
    "GET" "/v1/nodes/{}/bios/{}": Guard::Node(rules::NODE_BIOS_GET);
    "GET" "/v1/nodes/{}/firmware": Guard::Node(rules::NODE_FIRMWARE_GET);
    "GET" "/v1/nodes/{}/vmedia": Guard::Node(rules::NODE_VMEDIA_GET);
    "POST" "/v1/nodes/{}/vmedia": Guard::Node(rules::NODE_VMEDIA_ATTACH);
    "DELETE" "/v1/nodes/{}/vmedia": Guard::Node(rules::NODE_VMEDIA_DETACH);
    "GET" "/v1/nodes/{}/vifs": Guard::Node(rules::NODE_VIF_LIST);
    "POST" "/v1/nodes/{}/vifs": Guard::Node(rules::NODE_VIF_ATTACH);
    "DELETE" "/v1/nodes/{}/vifs/{}": Guard::Node(rules::NODE_VIF_DETACH);
    "GET" "/v1/nodes/{}/traits": Guard::Node(rules::NODE_TRAITS_LIST);
    "PUT" "/v1/nodes/{}/traits": Guard::Node(rules::NODE_TRAITS_SET);
    "DELETE" "/v1/nodes/{}/traits": Guard::Node(rules::NODE_TRAITS_DELETE);
    "PUT" "/v1/nodes/{}/traits/{}": Guard::Node(rules::NODE_TRAITS_SET);
    "DELETE" "/v1/nodes/{}/traits/{}": Guard::Node(rules::NODE_TRAITS_DELETE);
    "GET" "/v1/nodes/{}/allocation": Guard::Handler(rules::ALLOCATION_GET);
    "DELETE" "/v1/nodes/{}/allocation": Guard::Handler(rules::ALLOCATION_DELETE);
    "GET" "/v1/nodes/{}/portgroups": Guard::NodeList(PORTGROUPS);
    "GET" "/v1/nodes/{}/portgroups/detail": Guard::NodeList(PORTGROUPS);
    "GET" "/v1/nodes/{}/volume": Guard::Node(rules::VOLUME_GET);
    "GET" "/v1/nodes/{}/volume/connectors": Guard::NodeList(VOLUMES);
    "GET" "/v1/nodes/{}/volume/targets": Guard::NodeList(VOLUMES);
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
    "GET" "/v1/allocations": Guard::List(ALLOCATIONS);
    "POST" "/v1/allocations": Guard::Handler(rules::ALLOCATION_CREATE);
    "GET" "/v1/allocations/{}": Guard::Allocation(rules::ALLOCATION_GET);
    "PATCH" "/v1/allocations/{}": Guard::Allocation(rules::ALLOCATION_UPDATE);
    "DELETE" "/v1/allocations/{}": Guard::Allocation(rules::ALLOCATION_DELETE);
    // Port groups and volumes.
    "GET" "/v1/portgroups": Guard::List(PORTGROUPS);
    "POST" "/v1/portgroups": Guard::Handler(rules::PORTGROUP_CREATE);
    "GET" "/v1/portgroups/detail": Guard::List(PORTGROUPS);
    "GET" "/v1/portgroups/{}": Guard::Held(Held::PORTGROUP, rules::PORTGROUP_GET);
    "PATCH" "/v1/portgroups/{}": Guard::Held(Held::PORTGROUP, rules::PORTGROUP_UPDATE);
    "DELETE" "/v1/portgroups/{}": Guard::Held(Held::PORTGROUP, rules::PORTGROUP_DELETE);
    "GET" "/v1/portgroups/{}/ports": Guard::HeldList(Held::PORTGROUP, PORTS);
    "GET" "/v1/portgroups/{}/ports/detail": Guard::HeldList(Held::PORTGROUP, PORTS);
    "GET" "/v1/volume": Guard::Caller(rules::VOLUME_LIST);
    "GET" "/v1/volume/connectors": Guard::List(VOLUMES);
    "POST" "/v1/volume/connectors": Guard::Handler(rules::VOLUME_CREATE);
    "GET" "/v1/volume/connectors/{}": Guard::Held(Held::CONNECTOR, rules::VOLUME_GET);
    "PATCH" "/v1/volume/connectors/{}": Guard::Held(Held::CONNECTOR, rules::VOLUME_UPDATE);
    "DELETE" "/v1/volume/connectors/{}": Guard::Held(Held::CONNECTOR, rules::VOLUME_DELETE);
    "GET" "/v1/volume/targets": Guard::List(VOLUMES);
    "POST" "/v1/volume/targets": Guard::Handler(rules::VOLUME_CREATE);
    "GET" "/v1/volume/targets/{}": Guard::Held(Held::TARGET, rules::VOLUME_GET);
    "PATCH" "/v1/volume/targets/{}": Guard::Held(Held::TARGET, rules::VOLUME_UPDATE);
    "DELETE" "/v1/volume/targets/{}": Guard::Held(Held::TARGET, rules::VOLUME_DELETE);
    // What is the system's.
    "GET" "/v1/drivers": Guard::Caller(rules::DRIVER_GET);
    "GET" "/v1/drivers/{}": Guard::Caller(rules::DRIVER_GET);
    "GET" "/v1/drivers/{}/properties": Guard::Caller(rules::DRIVER_GET_PROPERTIES);
    "GET" "/v1/drivers/{}/raid/logical_disk_properties": Guard::Caller(rules::DRIVER_GET_RAID_PROPERTIES);
    "*" "/v1/drivers/{}/vendor_passthru": Guard::Caller(rules::DRIVER_VENDOR_PASSTHRU);
    "*" "/v1/drivers/{}/vendor_passthru/{}": Guard::Caller(rules::DRIVER_VENDOR_PASSTHRU);
    "GET" "/v1/conductors": Guard::Caller(rules::CONDUCTOR_GET);
    "GET" "/v1/conductors/{}": Guard::Caller(rules::CONDUCTOR_GET);
    "GET" "/v1/shards": Guard::Caller(rules::SHARDS_GET);
    "POST" "/v1/events": Guard::Caller(rules::EVENTS_POST);
    "GET" "/v1/chassis": Guard::Caller(rules::CHASSIS_GET);
    "POST" "/v1/chassis": Guard::Caller(rules::CHASSIS_CREATE);
    "GET" "/v1/chassis/detail": Guard::Caller(rules::CHASSIS_GET);
    "GET" "/v1/chassis/{}": Guard::Caller(rules::CHASSIS_GET);
    "PATCH" "/v1/chassis/{}": Guard::Caller(rules::CHASSIS_UPDATE);
    "DELETE" "/v1/chassis/{}": Guard::Caller(rules::CHASSIS_DELETE);
    "GET" "/v1/chassis/{}/nodes": Guard::List(NODES);
    "GET" "/v1/chassis/{}/nodes/detail": Guard::List(NODES);
    "GET" "/v1/deploy_templates": Guard::Caller(rules::DEPLOY_TEMPLATE_GET);
    "POST" "/v1/deploy_templates": Guard::Caller(rules::DEPLOY_TEMPLATE_CREATE);
    "GET" "/v1/deploy_templates/{}": Guard::Caller(rules::DEPLOY_TEMPLATE_GET);
    "PATCH" "/v1/deploy_templates/{}": Guard::Caller(rules::DEPLOY_TEMPLATE_UPDATE);
    "DELETE" "/v1/deploy_templates/{}": Guard::Caller(rules::DEPLOY_TEMPLATE_DELETE);
    "GET" "/v1/inspection_rules": Guard::Caller(rules::INSPECTION_RULE_GET);
    "POST" "/v1/inspection_rules": Guard::Caller(rules::INSPECTION_RULE_CREATE);
    "DELETE" "/v1/inspection_rules": Guard::Caller(rules::INSPECTION_RULE_DELETE);
    "GET" "/v1/inspection_rules/{}": Guard::Caller(rules::INSPECTION_RULE_GET);
    "PATCH" "/v1/inspection_rules/{}": Guard::Caller(rules::INSPECTION_RULE_UPDATE);
    "DELETE" "/v1/inspection_rules/{}": Guard::Caller(rules::INSPECTION_RULE_DELETE);
    // Runbooks.
    "GET" "/v1/runbooks": Guard::List(RUNBOOKS);
    "POST" "/v1/runbooks": Guard::Caller(rules::RUNBOOK_CREATE);
    "GET" "/v1/runbooks/{}": Guard::PublicRunbook(rules::RUNBOOK_GET);
    "PATCH" "/v1/runbooks/{}": Guard::Handler(rules::RUNBOOK_UPDATE);
    "DELETE" "/v1/runbooks/{}": Guard::Runbook(rules::RUNBOOK_DELETE);
    "GET" "/v1/runbooks/{}/traits": Guard::Runbook(rules::RUNBOOK_GET);
    "PUT" "/v1/runbooks/{}/traits": Guard::Runbook(rules::RUNBOOK_UPDATE);
    "DELETE" "/v1/runbooks/{}/traits": Guard::Runbook(rules::RUNBOOK_UPDATE);
    "PUT" "/v1/runbooks/{}/traits/{}": Guard::Runbook(rules::RUNBOOK_UPDATE);
    "DELETE" "/v1/runbooks/{}/traits/{}": Guard::Runbook(rules::RUNBOOK_UPDATE);
    // Ours.
    "GET" "/metrics": Guard::Caller(rules::FERRIC_METRICS);
    "GET" "/ferric/v1/drain": Guard::Caller(rules::CONDUCTOR_GET);
    "POST" "/ferric/v1/drain": Guard::Caller(rules::FERRIC_DRAIN);
    "GET" "/ferric/v1/events": Guard::Caller(rules::FERRIC_EVENTS);
    "GET" "/ferric/v1/nodes/{}/timeline": Guard::Node(rules::FERRIC_TIMELINE);
    "GET" "/ferric/v1/nodes/{}/explain": Guard::Node(rules::FERRIC_EXPLAIN);
    "POST" "/ferric/v1/nodes/bulk": Guard::Caller(rules::FERRIC_BULK);
    "POST" "/ferric/v1/nodes/{}/plan": Guard::Node(rules::FERRIC_PLAN);
}

type Methods = Vec<(&'static str, &'static Guard)>;

static BY_PATH: LazyLock<HashMap<&'static str, Methods>> = LazyLock::new(|| {
    let mut by_path: HashMap<&'static str, Methods> = HashMap::new();
    for (method, path, guard) in TABLE {
        by_path.entry(path).or_default().push((method, guard));
    }
    by_path
});

/// What guards this method of a route; the path is as the router has it.
pub(super) fn guard(method: &Method, path: &str) -> Option<&'static Guard> {
    let method = match method {
        &Method::HEAD => "GET",
        method => method.as_str(),
    };
    let rows = BY_PATH.get(unnamed(path).as_str())?;
    let mut fitting = rows.iter().filter(|row| row.0 == method || row.0 == ANY);
    fitting.next().map(|row| row.1)
}

/// The methods that the path has, for the header `Allow`.
pub(super) fn methods(path: &str) -> String {
    let rows = BY_PATH.get(unnamed(path).as_str());
    let methods = rows.into_iter().flatten().map(|row| row.0);
    methods.collect::<Vec<_>>().join(",")
}

/// The path with its parameters' names left out.
fn unnamed(path: &str) -> String {
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
