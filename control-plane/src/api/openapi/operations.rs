//! Every operation of the operators' listener, in one table.

/// A line of the table. `body` and `answer` name schemas.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) ok: u16,
    pub(super) summary: &'static str,
    pub(super) body: Option<&'static str>,
    pub(super) answer: Option<&'static str>,
}

/// What a request may be answered that is not done.
const ALWAYS: [(u16, &str); 4] = [
    (400, "The request is wrong."),
    (404, "There is no such object."),
    (406, "The version is not served, or does not have this."),
    (
        503,
        "There is no room for it now; Retry-After says when to come back.",
    ),
];
const OF_WRITES: [(u16, &str); 5] = [
    (403, "It may not be done."),
    (408, "The body did not come in time."),
    (409, "Somebody else works on the object, or has changed it."),
    (413, "The body is too large."),
    (
        504,
        "Another conductor was given the request and did not answer: it may have been done.",
    ),
];

impl Operation {
    pub(super) fn refusals(&self) -> impl Iterator<Item = (u16, &'static str)> {
        let writes: &[_] = if self.method == "get" {
            &[]
        } else {
            &OF_WRITES
        };
        ALWAYS.iter().chain(writes).copied()
    }

    const fn body(self, body: &'static str) -> Self {
        Self {
            body: Some(body),
            ..self
        }
    }

    const fn answer(self, answer: &'static str) -> Self {
        Self {
            answer: Some(answer),
            ..self
        }
    }
}

const fn op(method: &'static str, path: &'static str, ok: u16, summary: &'static str) -> Operation {
    Operation {
        method,
        path,
        ok,
        summary,
        body: None,
        answer: None,
    }
}

const fn get(path: &'static str, answer: &'static str, summary: &'static str) -> Operation {
    op("get", path, 200, summary).answer(answer)
}

const fn post(path: &'static str, ok: u16, summary: &'static str) -> Operation {
    op("post", path, ok, summary).body("Any")
}

const fn put(path: &'static str, ok: u16, summary: &'static str) -> Operation {
    op("put", path, ok, summary).body("Any")
}

const fn patch(path: &'static str, answer: &'static str, summary: &'static str) -> Operation {
    op("patch", path, 200, summary).body("Patch").answer(answer)
}

const fn delete(path: &'static str, summary: &'static str) -> Operation {
    op("delete", path, 204, summary)
}

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
    get("/v1/ports", "Any", "Ports, a page of them"),
    post("/v1/ports", 201, "Add a port")
        .body("Port")
        .answer("Port"),
    get("/v1/ports/detail", "Any", "Ports with all fields"),
    get("/v1/ports/{port}", "Port", "A port"),
    patch("/v1/ports/{port}", "Port", "Change a port"),
    delete("/v1/ports/{port}", "Forget a port"),
    get("/v1/drivers", "Any", "Hardware types"),
    get(
        "/v1/drivers/{driver}",
        "Any",
        "A hardware type with its interfaces",
    ),
    get(
        "/v1/drivers/{driver}/properties",
        "Any",
        "What driver_info may have",
    ),
    get(
        "/v1/drivers/{driver}/raid/logical_disk_properties",
        "Any",
        "What a RAID volume may have",
    ),
    get("/v1/conductors", "Any", "Conductors"),
    get("/v1/conductors/{hostname}", "Any", "A conductor"),
    get("/v1/deploy_templates", "Any", "Deploy templates"),
    post("/v1/deploy_templates", 201, "Add a deploy template").answer("Any"),
    get("/v1/deploy_templates/{ident}", "Any", "A deploy template"),
    patch(
        "/v1/deploy_templates/{ident}",
        "Any",
        "Change a deploy template",
    ),
    delete("/v1/deploy_templates/{ident}", "Forget a deploy template"),
    get("/v1/runbooks", "Any", "Runbooks"),
    post("/v1/runbooks", 201, "Add a runbook").answer("Any"),
    get("/v1/runbooks/{ident}", "Any", "A runbook"),
    patch("/v1/runbooks/{ident}", "Any", "Change a runbook"),
    delete("/v1/runbooks/{ident}", "Forget a runbook"),
    get(
        "/v1/runbooks/{ident}/traits",
        "Any",
        "The traits of a runbook",
    ),
    put(
        "/v1/runbooks/{ident}/traits",
        204,
        "Replace all traits of a runbook",
    ),
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
    get("/v1/lookup", "Any", "Which node a ramdisk runs on"),
    post("/v1/heartbeat/{node}", 202, "A ramdisk's sign of life"),
    post("/v1/continue_inspection", 202, "What a ramdisk found").answer("Any"),
    get(
        "/ferric/v1/events",
        "Events",
        "What happened on all nodes, as a list or as a stream",
    ),
    get(
        "/ferric/v1/nodes/{node}/timeline",
        "Events",
        "What happened to a node, as a list or as a stream",
    ),
    get(
        "/ferric/v1/nodes/{node}/explain",
        "Explanation",
        "Why a node is where it is and what to do",
    ),
    post(
        "/ferric/v1/nodes/{node}/plan",
        200,
        "What a deploy would do",
    )
    .body("PlanRequest")
    .answer("Plan"),
    post(
        "/ferric/v1/nodes/bulk",
        200,
        "Enrol, provision or delete many nodes",
    )
    .body("Bulk")
    .answer("BulkResults"),
    op(
        "post",
        "/ferric/v1/drain",
        202,
        "Have this conductor hand its nodes over and end",
    )
    .answer("Any"),
    get("/metrics", "metrics", "Figures of this conductor"),
    get("/openapi.json", "Any", "This document"),
];
