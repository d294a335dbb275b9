//! What only Ferric has.

use super::{Operation, get, op, post};

pub(super) const OPERATIONS: &[Operation] = &[
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
    get("/ferric/v1/drain", "Any", "How far the handing over is"),
    get("/metrics", "metrics", "Figures of this conductor"),
    get("/openapi.json", "Any", "This document"),
];
