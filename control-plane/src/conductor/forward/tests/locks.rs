//! What a node is locked for at this moment, asked at another conductor than the node's.

use super::fixture::{Cell, NODE};
use super::until;

#[tokio::test]
async fn whoever_is_asked_says_what_a_node_is_locked_for() {
    let cell = Cell::new();
    let (mut one, two) = cell.pair().await;
    let lock = async || two.conductor.explain(NODE).await.unwrap().lock;
    let held = one.conductor.locks().wait(NODE, "a test").await;
    let told = lock().await;
    assert_eq!(told.locked_for.as_deref(), Some("a test"));
    assert!(told.text.contains("Conductor one holds"), "{}", told.text);
    drop(held);
    until("nobody to hold it", async || {
        lock().await.text.starts_with("Nobody holds it")
    })
    .await;
    one.silence().await;
    let unknown = lock().await.text;
    assert!(unknown.contains("could not be asked"), "{unknown}");
}
