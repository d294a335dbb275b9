//! What only Ferric has.

use super::{Operation, get, op, post};
use crate::api::openapi::parameters::Set;

pub(super) const OPERATIONS: &[Operation] = &[
    get(
        "/ferric/v1/events",
        "Events",
        "What happened on all nodes, as a list or as a stream",
    )
    .query(&[Set::These(&["after", "limit", "kind", "live", "node"])]),
    get(
        "/ferric/v1/nodes/{node}/timeline",
        "Events",
        "What happened to a node, as a list or as a stream",
    )
    .query(&[Set::These(&["after", "limit", "kind", "live"])]),
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
    .answer("BulkResults")
    .or_unfinished(202),
    get(
        "/ferric/v1/bulk",
        "BulkRequests",
        "Bulk requests, the newest first",
    )
    .query(&[Set::These(&["limit", "marker"])]),
    get(
        "/ferric/v1/bulk/{request}",
        "BulkResults",
        "A bulk request with what became of its nodes",
    )
    .query(&[Set::These(&["limit", "after", "state"])]),
    post(
        "/ferric/v1/bulk/{request}/cancel",
        200,
        "Cancel what has not begun of a bulk request",
    )
    .answer("BulkCancelled"),
    get(
        "/ferric/v1/nodes/{node}/erase-records",
        "EraseRecords",
        "Signed records of what was done to the disks of a node to erase them",
    )
    .query(&[Set::These(&["limit", "marker"])]),
    get(
        "/ferric/v1/erase-key",
        "EraseKey",
        "The public key of erase records of the conductor that answers",
    ),
    get(
        "/ferric/v1/export",
        "Export",
        "How many records there are, or a page of those of a kind",
    )
    .query(&[Set::These(&["kind", "limit", "marker", "secrets"])]),
    post(
        "/ferric/v1/import",
        200,
        "Store records of another installation as they are",
    )
    .body("Import")
    .answer("ImportResults"),
    op(
        "post",
        "/ferric/v1/drain",
        202,
        "Have this conductor hand its nodes over and end",
    )
    .answer("Drain"),
    get("/ferric/v1/drain", "Drain", "How far the handing over is"),
    get("/metrics", "metrics", "Figures of this conductor"),
    get("/openapi.json", "Any", "This document"),
    get("/docs", "page", "This document for people"),
];
