//! Nodes that are parts of other nodes.

use super::fixture::Server;
use super::nodes::{patch, refused, stored};
use http::{Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn children_are_shown_when_asked_for() {
    let server = Server::start().await;
    let parent = server.node("parent").await;
    server.node("child").await;
    let adopted = patch(
        &server,
        "child",
        json!([{"op": "add", "path": "/parent_node", "value": "parent"}]),
    )
    .await;
    assert_eq!(adopted.body["parent_node"], parent);
    let count = async |query: &str| {
        server.get(&format!("/v1/nodes{query}")).await.body["nodes"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count("").await, 1);
    assert_eq!(count("?include_children=true").await, 2);
    assert_eq!(count("?parent_node=parent").await, 1);
    let children = server.get("/v1/nodes/parent/children").await.body;
    assert_eq!(children["children"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn nobody_is_its_own_ancestor() {
    let server = Server::start().await;
    for name in ["a", "b", "c"] {
        server.node(name).await;
    }
    let set = async |child: &str, parent: &str| {
        let parent = json!([{"op": "add", "path": "/parent_node", "value": parent}]);
        patch(&server, child, parent).await
    };
    refused(&set("a", "a").await, 400, "its own parent");
    assert_eq!(set("b", "a").await.status, StatusCode::OK);
    assert_eq!(set("c", "b").await.status, StatusCode::OK);
    refused(&set("a", "c").await, 400, "its own parent");
    // One that was stored so can still be deleted.
    let id: ferric_model::ids::NodeId = server.node("d").await.parse().unwrap();
    let mut node = stored(&server, "d").await;
    node.parent_node = Some(id);
    let put = ferric_store::Transaction::new().put(&node);
    server.conductor.store().commit(put).await.unwrap();
    let gone = server.call(Method::DELETE, "/v1/nodes/d", Value::Null);
    assert_eq!(gone.await.status, StatusCode::NO_CONTENT);
    let parent = server.call(Method::DELETE, "/v1/nodes/b", Value::Null);
    refused(&parent.await, 409, "parent of other nodes");
}
