//! Discovery, and nodes with what is below them.

use super::{Operation, delete, get, op, patch, post, put};

pub(super) const OPERATIONS: &[Operation] = &[
    get("/", "Any", "Which versions there are"),
    get("/v1", "Any", "Which resources there are"),
    get("/v1/nodes", "Any", "Nodes, a page of them"),
    post("/v1/nodes", 201, "Enrol a node")
        .body("Node")
        .answer("Node"),
    get("/v1/nodes/detail", "Any", "Nodes with all fields"),
    get(
        "/v1/nodes/validate",
        "Any",
        "Whether the settings of a node suffice, named in the query",
    ),
    get("/v1/nodes/{node}", "Node", "A node"),
    patch("/v1/nodes/{node}", "Node", "Change a node"),
    delete("/v1/nodes/{node}", "Forget a node with its ports"),
    get("/v1/nodes/{node}/states", "Any", "The states of a node"),
    put(
        "/v1/nodes/{node}/states/power",
        202,
        "Change the power state",
    ),
    put(
        "/v1/nodes/{node}/states/provision",
        202,
        "Change the provision state",
    ),
    put(
        "/v1/nodes/{node}/states/raid",
        204,
        "Set the RAID configuration that is wanted",
    ),
    put("/v1/nodes/{node}/maintenance", 202, "Begin maintenance"),
    op(
        "delete",
        "/v1/nodes/{node}/maintenance",
        202,
        "End maintenance",
    ),
    get(
        "/v1/nodes/{node}/management/boot_device",
        "Any",
        "What the machine boots from",
    ),
    put(
        "/v1/nodes/{node}/management/boot_device",
        204,
        "Set what the machine boots from",
    ),
    get(
        "/v1/nodes/{node}/management/boot_device/supported",
        "Any",
        "What the machine can boot from",
    ),
    get(
        "/v1/nodes/{node}/validate",
        "Any",
        "Whether the settings of a node suffice",
    ),
    get("/v1/nodes/{node}/inventory", "Any", "What inspection found"),
    get("/v1/nodes/{node}/children", "Any", "The child nodes"),
    get(
        "/v1/nodes/{node}/history",
        "Any",
        "What happened to a node, as Ironic tells it",
    ),
    get(
        "/v1/nodes/{node}/history/{event}",
        "Any",
        "A line of the history",
    ),
    get("/v1/nodes/{node}/ports", "Any", "The ports of a node"),
    get(
        "/v1/nodes/{node}/ports/detail",
        "Any",
        "The ports of a node with all fields",
    ),
    get(
        "/v1/nodes/{node}/portgroups",
        "Any",
        "The port groups of a node",
    ),
    get("/v1/nodes/{node}/volume", "Any", "What there is of volumes"),
    get(
        "/v1/nodes/{node}/volume/connectors",
        "Any",
        "The volume connectors of a node",
    ),
    get(
        "/v1/nodes/{node}/volume/targets",
        "Any",
        "The volume targets of a node",
    ),
    get(
        "/v1/nodes/{node}/vifs",
        "Any",
        "The virtual interfaces that are attached",
    ),
    post("/v1/nodes/{node}/vifs", 204, "Attach a virtual interface"),
    delete("/v1/nodes/{node}/vifs/{vif}", "Detach a virtual interface"),
    get("/v1/nodes/{node}/traits", "Any", "The traits of a node"),
    put("/v1/nodes/{node}/traits", 204, "Replace all traits"),
    delete("/v1/nodes/{node}/traits", "Remove all traits"),
    put("/v1/nodes/{node}/traits/{trait}", 204, "Add a trait"),
    delete("/v1/nodes/{node}/traits/{trait}", "Remove a trait"),
    get(
        "/v1/nodes/{node}/portgroups/detail",
        "Any",
        "The port groups of a node with all fields",
    ),
    get(
        "/v1/nodes/{node}/allocation",
        "Any",
        "The allocation that a node is for",
    ),
    delete(
        "/v1/nodes/{node}/allocation",
        "Take the allocation from a node",
    ),
];
