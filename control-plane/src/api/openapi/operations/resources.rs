//! The other resources of Ironic's.

use super::{Operation, create, delete, get, patch, post, put, show};
use crate::api::openapi::parameters::{self, Set};

pub(super) const OPERATIONS: &[Operation] = &[
    get("/v1/ports", "Ports", "Ports, a page of them").query(parameters::PORTS),
    create("/v1/ports", "PortCreate", "Port", "Add a port"),
    get("/v1/ports/detail", "Ports", "Ports with all fields").query(parameters::PORTS_WHOLE),
    show("/v1/ports/{port}", "Port", "A port"),
    patch("/v1/ports/{port}", "Port", "Change a port"),
    delete("/v1/ports/{port}", "Forget a port"),
    get("/v1/drivers", "Drivers", "Hardware types")
        .query(&[Set::These(&["type", "detail", "fields"])]),
    show(
        "/v1/drivers/{driver}",
        "Driver",
        "A hardware type with its interfaces",
    ),
    get(
        "/v1/drivers/{driver}/properties",
        "Descriptions",
        "What driver_info may have",
    ),
    get(
        "/v1/drivers/{driver}/raid/logical_disk_properties",
        "Descriptions",
        "What a RAID volume may have",
    ),
    get(
        "/v1/drivers/{driver}/vendor_passthru/methods",
        "VendorMethods",
        "The vendor methods of a hardware type",
    ),
    get("/v1/conductors", "Conductors", "Conductors").query(parameters::LIST),
    show("/v1/conductors/{hostname}", "Conductor", "A conductor"),
    get(
        "/v1/deploy_templates",
        "DeployTemplates",
        "Deploy templates",
    )
    .query(parameters::LIST),
    create(
        "/v1/deploy_templates",
        "DeployTemplateCreate",
        "DeployTemplate",
        "Add a deploy template",
    ),
    show(
        "/v1/deploy_templates/{ident}",
        "DeployTemplate",
        "A deploy template",
    ),
    patch(
        "/v1/deploy_templates/{ident}",
        "DeployTemplate",
        "Change a deploy template",
    ),
    delete("/v1/deploy_templates/{ident}", "Forget a deploy template"),
    get("/v1/runbooks", "Runbooks", "Runbooks").query(parameters::RUNBOOKS),
    create("/v1/runbooks", "RunbookCreate", "Runbook", "Add a runbook"),
    show("/v1/runbooks/{ident}", "Runbook", "A runbook"),
    patch("/v1/runbooks/{ident}", "Runbook", "Change a runbook"),
    delete("/v1/runbooks/{ident}", "Forget a runbook"),
    get(
        "/v1/runbooks/{ident}/traits",
        "Traits",
        "The traits of a runbook",
    ),
    put(
        "/v1/runbooks/{ident}/traits",
        204,
        "Replace all traits of a runbook",
    )
    .body("Traits"),
    delete(
        "/v1/runbooks/{ident}/traits",
        "Remove all traits of a runbook",
    ),
    put(
        "/v1/runbooks/{ident}/traits/{trait}",
        204,
        "Add a trait to a runbook",
    ),
    delete(
        "/v1/runbooks/{ident}/traits/{trait}",
        "Remove a trait from a runbook",
    ),
    get("/v1/lookup", "Lookup", "Which node a ramdisk runs on")
        .query(&[Set::These(&["addresses", "node_uuid"])]),
    post("/v1/heartbeat/{node}", 202, "A ramdisk's sign of life").body("Heartbeat"),
    post("/v1/continue_inspection", 202, "What a ramdisk found")
        .answer("Inspected")
        .body("InspectionData")
        .query(&[Set::These(&["node_uuid"])]),
    get(
        "/v1/portgroups",
        "Portgroups",
        "Port groups, a page of them",
    )
    .query(parameters::PORTGROUPS),
    create(
        "/v1/portgroups",
        "PortgroupCreate",
        "Portgroup",
        "Add a port group",
    ),
    get(
        "/v1/portgroups/detail",
        "Portgroups",
        "Port groups with all fields",
    )
    .query(parameters::PORTGROUPS_WHOLE),
    show("/v1/portgroups/{ident}", "Portgroup", "A port group"),
    patch("/v1/portgroups/{ident}", "Portgroup", "Change a port group"),
    delete("/v1/portgroups/{ident}", "Forget a port group"),
    get(
        "/v1/portgroups/{ident}/ports",
        "Ports",
        "The ports of a port group",
    )
    .query(parameters::PORTS),
    get(
        "/v1/portgroups/{ident}/ports/detail",
        "Ports",
        "The ports of a port group with all fields",
    )
    .query(parameters::PORTS_WHOLE),
    get("/v1/chassis", "ChassisList", "Chassis, a page of them").query(parameters::LIST),
    create("/v1/chassis", "ChassisCreate", "Chassis", "Add a chassis"),
    get(
        "/v1/chassis/detail",
        "ChassisList",
        "Chassis with all fields",
    )
    .query(parameters::PAGES_ONLY),
    show("/v1/chassis/{ident}", "Chassis", "A chassis"),
    patch("/v1/chassis/{ident}", "Chassis", "Change a chassis"),
    delete("/v1/chassis/{ident}", "Forget a chassis"),
    get(
        "/v1/chassis/{ident}/nodes",
        "Nodes",
        "The nodes of a chassis",
    )
    .query(parameters::NODES),
    get(
        "/v1/chassis/{ident}/nodes/detail",
        "Nodes",
        "The nodes of a chassis with all fields",
    )
    .query(parameters::NODES_WHOLE),
    get("/v1/volume", "Volume", "What there is of volumes"),
    get(
        "/v1/volume/connectors",
        "VolumeConnectors",
        "Volume connectors, a page of them",
    )
    .query(parameters::VOLUMES),
    create(
        "/v1/volume/connectors",
        "VolumeConnectorCreate",
        "VolumeConnector",
        "Add a volume connector",
    ),
    show(
        "/v1/volume/connectors/{ident}",
        "VolumeConnector",
        "A volume connector",
    ),
    patch(
        "/v1/volume/connectors/{ident}",
        "VolumeConnector",
        "Change a volume connector",
    ),
    delete("/v1/volume/connectors/{ident}", "Forget a volume connector"),
    get(
        "/v1/volume/targets",
        "VolumeTargets",
        "Volume targets, a page of them",
    )
    .query(parameters::VOLUMES),
    create(
        "/v1/volume/targets",
        "VolumeTargetCreate",
        "VolumeTarget",
        "Add a volume target",
    ),
    show(
        "/v1/volume/targets/{ident}",
        "VolumeTarget",
        "A volume target",
    ),
    patch(
        "/v1/volume/targets/{ident}",
        "VolumeTarget",
        "Change a volume target",
    ),
    delete("/v1/volume/targets/{ident}", "Forget a volume target"),
    get(
        "/v1/allocations",
        "Allocations",
        "Allocations, a page of them",
    )
    .query(parameters::ALLOCATIONS),
    create(
        "/v1/allocations",
        "AllocationCreate",
        "Allocation",
        "Add an allocation",
    ),
    show("/v1/allocations/{ident}", "Allocation", "An allocation"),
    patch(
        "/v1/allocations/{ident}",
        "Allocation",
        "Change an allocation",
    ),
    delete("/v1/allocations/{ident}", "Forget an allocation"),
    get(
        "/v1/inspection_rules",
        "InspectionRules",
        "Inspection rules, a page of them",
    )
    .query(parameters::RULES),
    create(
        "/v1/inspection_rules",
        "InspectionRuleCreate",
        "InspectionRule",
        "Add an inspection rule",
    ),
    show(
        "/v1/inspection_rules/{ident}",
        "InspectionRule",
        "An inspection rule",
    ),
    patch(
        "/v1/inspection_rules/{ident}",
        "InspectionRule",
        "Change an inspection rule",
    ),
    delete("/v1/inspection_rules/{ident}", "Forget an inspection rule"),
    delete(
        "/v1/inspection_rules",
        "Forget all inspection rules but the built-in ones",
    ),
    get(
        "/v1/shards",
        "Shards",
        "Shards, with the number of nodes in each",
    ),
    post("/v1/events", 204, "What other services have seen").body("NetworkEvents"),
];
