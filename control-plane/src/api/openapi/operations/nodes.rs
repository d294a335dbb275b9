//! Discovery, and nodes with what is below them.

use super::{Operation, create, delete, get, op, patch, post, put, show};
use crate::api::openapi::parameters::{self, Set};

/// Lists that come whole, of whose objects some fields can be asked for.
const PICKED: &[Set] = &[Set::These(&["fields", "detail"])];

pub(super) const OPERATIONS: &[Operation] = &[
    get("/", "Versions", "Which versions there are"),
    get("/v1", "Resources", "Which resources there are"),
    get("/v1/nodes", "Nodes", "Nodes, a page of them").query(parameters::NODES),
    create("/v1/nodes", "NodeCreate", "Node", "Enrol a node"),
    get("/v1/nodes/detail", "Nodes", "Nodes with all fields").query(parameters::NODES_WHOLE),
    get(
        "/v1/nodes/validate",
        "Validation",
        "Whether the settings of a node suffice, named in the query",
    )
    .query(&[Set::These(&["node", "node_uuid"])]),
    show("/v1/nodes/{node}", "Node", "A node"),
    patch("/v1/nodes/{node}", "Node", "Change a node").query(&[Set::These(&["reset_interfaces"])]),
    delete("/v1/nodes/{node}", "Forget a node with its ports"),
    get("/v1/nodes/{node}/states", "States", "The states of a node"),
    put(
        "/v1/nodes/{node}/states/power",
        202,
        "Change the power state",
    )
    .body("Power"),
    put(
        "/v1/nodes/{node}/states/provision",
        202,
        "Change the provision state",
    )
    .body("Provision"),
    put(
        "/v1/nodes/{node}/states/raid",
        204,
        "Set the RAID configuration that is wanted",
    )
    .body("RaidConfig"),
    put(
        "/v1/nodes/{node}/states/boot_mode",
        202,
        "Change the firmware interface that the machine boots by",
    )
    .body("BootMode"),
    put(
        "/v1/nodes/{node}/states/secure_boot",
        202,
        "Switch secure boot on or off",
    )
    .body("SecureBoot"),
    get(
        "/v1/nodes/{node}/states/console",
        "ConsoleState",
        "Whether the console is open, and where",
    ),
    put(
        "/v1/nodes/{node}/states/console",
        202,
        "Open or close the console",
    )
    .body("Console"),
    put("/v1/nodes/{node}/maintenance", 202, "Begin maintenance")
        .body("Maintenance")
        .query(&[Set::These(&["reason"])]),
    op(
        "delete",
        "/v1/nodes/{node}/maintenance",
        202,
        "End maintenance",
    ),
    get(
        "/v1/nodes/{node}/management/boot_device",
        "BootDevice",
        "What the machine boots from",
    ),
    put(
        "/v1/nodes/{node}/management/boot_device",
        204,
        "Set what the machine boots from",
    )
    .body("BootDevice")
    .query(&[Set::These(&["boot_device", "persistent"])]),
    get(
        "/v1/nodes/{node}/management/boot_device/supported",
        "BootDevices",
        "What the machine can boot from",
    ),
    put(
        "/v1/nodes/{node}/management/inject_nmi",
        204,
        "Send the machine a non-maskable interrupt",
    ),
    get(
        "/v1/nodes/{node}/management/indicators",
        "Indicators",
        "The lights of the machine",
    ),
    get(
        "/v1/nodes/{node}/management/indicators/{indicator}",
        "Indicator",
        "What a light does, called name@component",
    ),
    put(
        "/v1/nodes/{node}/management/indicators/{indicator}",
        204,
        "Switch a light",
    )
    .body("Indicator"),
    get(
        "/v1/nodes/{node}/validate",
        "Validation",
        "Whether the settings of a node suffice",
    ),
    get(
        "/v1/nodes/{node}/vendor_passthru/methods",
        "VendorMethods",
        "The vendor methods of a node",
    ),
    get(
        "/v1/nodes/{node}/inventory",
        "Inventory",
        "What inspection found",
    ),
    get(
        "/v1/nodes/{node}/bios",
        "BiosSettings",
        "The BIOS settings as they were read last",
    )
    .query(PICKED),
    get(
        "/v1/nodes/{node}/bios/{setting}",
        "BiosSettingByName",
        "A BIOS setting",
    ),
    get(
        "/v1/nodes/{node}/firmware",
        "Firmware",
        "The firmware of the components as it was read last",
    )
    .query(PICKED),
    get(
        "/v1/nodes/{node}/vmedia",
        "VirtualMedia",
        "The virtual drives",
    ),
    post(
        "/v1/nodes/{node}/vmedia",
        204,
        "Begin to put an image into a virtual drive",
    )
    .body("VirtualMediaAttach"),
    delete("/v1/nodes/{node}/vmedia", "Begin to empty virtual drives")
        .query(&[Set::These(&["device_types"])]),
    get("/v1/nodes/{node}/children", "Children", "The child nodes"),
    get(
        "/v1/nodes/{node}/history",
        "History",
        "What happened to a node, as Ironic tells it",
    )
    .query(&[Set::Page, Set::These(&["detail"])]),
    get(
        "/v1/nodes/{node}/history/{event}",
        "HistoryEvent",
        "A line of the history",
    ),
    get("/v1/nodes/{node}/ports", "Ports", "The ports of a node").query(parameters::PORTS),
    get(
        "/v1/nodes/{node}/ports/detail",
        "Ports",
        "The ports of a node with all fields",
    )
    .query(parameters::PORTS_WHOLE),
    get(
        "/v1/nodes/{node}/portgroups",
        "Portgroups",
        "The port groups of a node",
    )
    .query(parameters::PORTGROUPS),
    get(
        "/v1/nodes/{node}/volume",
        "Volume",
        "What there is of volumes",
    ),
    get(
        "/v1/nodes/{node}/volume/connectors",
        "VolumeConnectors",
        "The volume connectors of a node",
    )
    .query(parameters::VOLUMES),
    get(
        "/v1/nodes/{node}/volume/targets",
        "VolumeTargets",
        "The volume targets of a node",
    )
    .query(parameters::VOLUMES),
    get(
        "/v1/nodes/{node}/vifs",
        "Vifs",
        "The virtual interfaces that are attached",
    ),
    post("/v1/nodes/{node}/vifs", 204, "Attach a virtual interface").body("Vif"),
    delete("/v1/nodes/{node}/vifs/{vif}", "Detach a virtual interface"),
    get("/v1/nodes/{node}/traits", "Traits", "The traits of a node"),
    put("/v1/nodes/{node}/traits", 204, "Replace all traits").body("Traits"),
    delete("/v1/nodes/{node}/traits", "Remove all traits"),
    put("/v1/nodes/{node}/traits/{trait}", 204, "Add a trait"),
    delete("/v1/nodes/{node}/traits/{trait}", "Remove a trait"),
    get(
        "/v1/nodes/{node}/portgroups/detail",
        "Portgroups",
        "The port groups of a node with all fields",
    )
    .query(parameters::PORTGROUPS_WHOLE),
    show(
        "/v1/nodes/{node}/allocation",
        "Allocation",
        "The allocation that a node is for",
    ),
    delete(
        "/v1/nodes/{node}/allocation",
        "Take the allocation from a node",
    ),
];
