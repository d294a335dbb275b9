//! What hangs on a node that is gone, as an older conductor may leave it, can be deleted by whoever may delete such things.

use super::fixture::Server;
use ferric_store::{Key, Table, Transaction};
use http::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn what_hangs_on_a_node_that_is_gone_can_be_deleted() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let things = [
        (
            "/v1/ports",
            json!({"node_uuid": node, "address": "52:54:00:00:00:01"}),
        ),
        ("/v1/portgroups", json!({"node_uuid": node, "name": "bond"})),
        (
            "/v1/volume/connectors",
            json!({"node_uuid": node, "type": "iqn", "connector_id": "c"}),
        ),
        (
            "/v1/volume/targets",
            json!({"node_uuid": node, "volume_type": "iscsi", "volume_id": "v", "boot_index": 0}),
        ),
    ];
    let mut left = Vec::new();
    for (path, body) in things {
        let made = server.call(Method::POST, path, body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.fault());
        left.push(format!("{path}/{}", made.body["uuid"].as_str().unwrap()));
    }
    let gone = Transaction::new().delete(Key::new(Table::Node, &node));
    server.conductor.store().commit(gone).await.unwrap();
    for path in left {
        let answer = server.call(Method::DELETE, &path, Value::Null).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{path}");
        let answer = server.get(&path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
}
