//! What is refused, and what is not there without what it belongs to.

use super::{faults, imported, outcomes};
use crate::api::tests::fixture::Server;
use http::{Method, StatusCode};
use serde_json::{Value, json};

fn node_record(number: u32, more: &Value) -> Value {
    let mut document = json!({
        "uuid": format!("00000000-0000-4000-8000-{number:012}"),
        "driver": "fake-hardware", "network_interface": "noop", "created_at": "2026-01-02T03:04:05+00:00",
    });
    document
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({"kind": "node", "document": document})
}

#[tokio::test]
async fn what_is_on_its_way_is_refused_or_has_failed() {
    let server = Server::start().await;
    let records = json!([
        node_record(
            1,
            &json!({"provision_state": "wait call-back", "target_provision_state": "active"})
        ),
        node_record(
            2,
            &json!({"provision_state": "deleting", "target_provision_state": "available"})
        ),
        node_record(
            3,
            &json!({"provision_state": "active", "target_power_state": "power off"})
        ),
        node_record(
            4,
            &json!({"provision_state": "clean failed", "target_provision_state": "manageable"})
        ),
    ]);
    let refused = imported(&server, json!({"records": records})).await;
    assert_eq!(
        outcomes(&refused),
        ["refused", "refused", "refused", "created"]
    );
    assert!(
        faults(&refused)[0].contains("let it end where it comes from"),
        "{}",
        refused.body
    );
    let forced = imported(&server, json!({"records": records, "force": true})).await;
    assert_eq!(
        outcomes(&forced),
        ["created", "created", "created", "present"]
    );
    for (number, state, target) in [
        (1, "deploy failed", json!("active")),
        (2, "error", Value::Null),
        (3, "active", Value::Null),
        (4, "clean failed", json!("manageable")),
    ] {
        let states = server
            .get(&format!("/v1/nodes/00000000-0000-4000-8000-{number:012}"))
            .await
            .body;
        let found = (
            states["provision_state"].as_str(),
            &states["target_provision_state"],
        );
        assert_eq!(found, (Some(state), &target));
        assert_eq!(states["target_power_state"], Value::Null);
    }
    let again = imported(&server, json!({"records": records, "force": true})).await;
    assert_eq!(outcomes(&again), ["present"; 4]);
}

#[tokio::test]
async fn an_allocation_comes_with_its_node_only() {
    let server = Server::start().await;
    let (id, allocation) = (
        "00000000-0000-4000-8000-000000000001",
        "00000000-0000-4000-8000-0000000000aa",
    );
    let active = json!({"uuid": allocation, "state": "active", "created_at": "2026-01-02T03:04:05+00:00", "node_uuid": id, "resource_class": "small"});
    let mut record = node_record(
        1,
        &json!({"provision_state": "active", "allocation_uuid": allocation, "instance_uuid": allocation}),
    );
    let alone = imported(
        &server,
        json!({"records": [record, {"kind": "allocation", "document": active}]}),
    )
    .await;
    assert_eq!(outcomes(&alone), ["refused", "refused"], "{}", alone.body);
    record["allocation"] = active;
    let looking = json!({"uuid": "00000000-0000-4000-8000-0000000000bb", "state": "allocating", "created_at": "2026-01-02T03:04:05+00:00", "resource_class": "small"});
    let records = json!([record, {"kind": "allocation", "document": looking}]);
    let first = imported(&server, json!({"records": records})).await;
    assert_eq!(outcomes(&first), ["created", "refused"], "{}", first.body);
    let forced = imported(&server, json!({"records": records, "force": true})).await;
    assert_eq!(outcomes(&forced), ["present", "created"], "{}", forced.body);
    let shown = server.get(&format!("/v1/nodes/{id}/allocation")).await.body;
    assert_eq!(shown["uuid"], allocation);
    let ended = server
        .get("/v1/allocations/00000000-0000-4000-8000-0000000000bb")
        .await
        .body;
    assert_eq!(ended["state"], "error");
}

#[tokio::test]
async fn a_record_that_is_none_is_refused_with_what_is_wrong() {
    let server = Server::start().await;
    let port = json!({"uuid": "00000000-0000-4000-8000-000000000009", "address": "52:54:00:00:00:09", "created_at": "2026-01-02T03:04:05+00:00",
        "node_uuid": "00000000-0000-4000-8000-000000000001"});
    let records = json!([
        node_record(1, &json!({"colour": "red"})),
        node_record(2, &json!({"provision_state": "asleep"})),
        node_record(3, &json!({"driver": "bogus"})),
        node_record(4, &json!({"extra": {"a": "******"}})),
        {"kind": "node", "document": {"driver": "fake-hardware"}},
        {"kind": "port", "document": port},
    ]);
    let answer = imported(&server, json!({"records": records})).await;
    assert_eq!(answer.body["failed"], 6, "{}", answer.body);
    let faults = faults(&answer);
    for (fault, part) in faults.iter().zip([
        "colour",
        "asleep",
        "bogus",
        "never stored",
        "uuid must",
        "not here",
    ]) {
        assert!(fault.contains(part), "{fault}");
    }
    for (body, part) in [
        (json!({}), "records is missing"),
        (json!({"records": []}), "1 to 1000"),
        (
            json!({"records": [{"kind": "ship", "document": {}}]}),
            "kind must be one of",
        ),
        (
            json!({"records": [{"kind": "node"}]}),
            "must have a document",
        ),
        (json!({"records": [1]}), "records[0] must be an object"),
        (
            json!({"records": [{"kind": "port", "document": {}}], "force": 1}),
            "force must be",
        ),
    ] {
        let refused = server.call(Method::POST, "/ferric/v1/import", body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.fault().contains(part), "{}", refused.fault());
    }
    for (query, part) in [
        ("kind=ship", "kind must be"),
        ("kind=node&limit=0", "limit"),
        ("x=1", "x"),
    ] {
        let refused = server.get(&format!("/ferric/v1/export?{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.fault().contains(part), "{}", refused.fault());
    }
}
