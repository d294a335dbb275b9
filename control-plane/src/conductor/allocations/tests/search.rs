//! Which node an allocation gets, and what it says when there is none.

use super::{asked, asking, edit, ended, error, found, free, id, is_paired, lab, node, node_id};
use ferric_model::allocation::Allocation;
use ferric_model::node::Node;
use ferric_store::{Query, Table};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_free_node_is_reserved_with_the_traits_that_were_asked_for() {
    let lab = lab().await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    let (plain, good) = (free(&conductor, 1).await, free(&conductor, 2).await);
    let traits = vec!["CUSTOM_A".to_owned(), "CUSTOM_B".to_owned()];
    edit(store, good, |node| node.traits.clone_from(&traits)).await;
    let wanted = vec!["CUSTOM_B".to_owned()];
    let allocation = asking(&conductor, 1, |asked| asked.traits.clone_from(&wanted));
    conductor.create_allocation(allocation).await.unwrap();
    let allocation = ended(store, id(1)).await;
    assert_eq!(allocation.node_uuid, Some(good));
    is_paired(store, &allocation).await;
    let info = node(store, good).await.instance_info;
    assert_eq!(info["traits"], json!(wanted));
    assert_eq!(node(store, plain).await.instance_uuid, None);
}

#[tokio::test(start_paused = true)]
async fn the_reason_for_finding_nothing_is_said() {
    let lab = lab().await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    let text = error(&lab, 1, |_| ()).await;
    let expected = "no available nodes match the resource class small";
    assert_eq!(
        text,
        format!("Failed to process allocation {}: {expected}.", id(1))
    );
    let known = free(&conductor, 1).await;
    let unknown = node_id(77);
    let text = error(&lab, 2, |asked| asked.candidate_nodes = vec![unknown]).await;
    assert!(
        text.contains("none of the requested nodes are available"),
        "{text}"
    );
    let text = error(&lab, 3, |asked| asked.traits = vec!["CUSTOM_X".to_owned()]).await;
    assert!(
        text.contains("have the requested traits CUSTOM_X"),
        "{text}"
    );
    let text = error(&lab, 4, |asked| asked.owner = Some("p1".to_owned())).await;
    assert!(text.contains("no available nodes"), "{text}");
    let spoils: [fn(&mut Node); 4] = [
        |node| node.maintenance = true,
        |node| node.retired = true,
        |node| node.power_state = None,
        |node| node.parent_node = Some(node_id(9)),
    ];
    for (number, spoil) in (10..).zip(spoils) {
        let before = node(store, known).await;
        edit(store, known, spoil).await;
        let text = error(&lab, number, |_| ()).await;
        assert!(text.contains("no available nodes"), "{number}: {text}");
        edit(store, known, |node| {
            node.maintenance = before.maintenance;
            node.retired = before.retired;
            node.power_state = before.power_state;
            node.parent_node = None;
        })
        .await;
    }
    asked(&conductor, 30).await;
    is_paired(store, &ended(store, id(30)).await).await;
}

#[tokio::test(start_paused = true)]
async fn the_node_of_its_name_is_preferred() {
    let lab = lab().await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    for number in 1..=12 {
        free(&conductor, number).await;
    }
    for number in [7, 3, 11] {
        let name = format!("node-{number}");
        let allocation = asking(&conductor, number, |asked| asked.name = Some(name));
        conductor.create_allocation(allocation).await.unwrap();
        let allocation = ended(store, id(number)).await;
        assert_eq!(allocation.node_uuid, Some(node_id(number)));
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_allocations_as_many_win_as_there_are_nodes() {
    let lab = lab().await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    for number in 1..=4 {
        free(&conductor, number).await;
    }
    for number in 1..=10 {
        asked(&conductor, number).await;
    }
    let (mut nodes, mut losers) = (BTreeSet::new(), 0);
    for number in 1..=10 {
        let allocation = ended(store, id(number)).await;
        match allocation.node_uuid {
            Some(node) => {
                is_paired(store, &allocation).await;
                assert!(nodes.insert(node), "{node} has two allocations");
            }
            None => losers += 1,
        }
    }
    assert_eq!((nodes.len(), losers), (4, 6));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_held_for_a_moment_is_waited_for() {
    let lab = lab().await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    let held = free(&conductor, 1).await;
    let lock = conductor.locks().wait(held, "a test").await;
    asked(&conductor, 1).await;
    let allocation = ended(store, id(1)).await;
    let error = allocation.last_error.expect("a reason");
    assert!(
        error.contains("could not reserve any of 1 suitable nodes"),
        "{error}"
    );
    asked(&conductor, 2).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    drop(lock);
    is_paired(store, &ended(store, id(2)).await).await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_has_its_uuid_already_is_named() {
    let lab = lab().await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    let (taken, other) = (free(&conductor, 1).await, free(&conductor, 2).await);
    edit(store, taken, |node| node.instance_uuid = Some(id(1).0)).await;
    let error = error(&lab, 1, |_| ()).await;
    assert!(
        error.contains("is already associated with a node"),
        "{error}"
    );
    assert!(error.contains(&taken.to_string()), "{error}");
    assert_eq!(node(store, other).await.allocation_uuid, None);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_deleted_or_renamed_while_it_waits_stays_so() {
    let lab = lab().await;
    let (conductor, store) = (lab.conductor(), lab.store.as_ref());
    let held = free(&conductor, 1).await;
    let lock = conductor.locks().wait(held, "a test").await;
    asked(&conductor, 1).await;
    asked(&conductor, 2).await;
    let page = store.page(&Query::all(Table::Allocation)).await.unwrap();
    conductor.destroy_allocation(id(1)).await.unwrap();
    let mut renamed: Allocation = page.records[1].decode().unwrap();
    renamed.name = Some("later".to_owned());
    let renamed = conductor.update_allocation(&page.records[1], renamed).await;
    assert!(renamed.unwrap().updated_at.is_some());
    drop(lock);
    let allocation = ended(store, id(2)).await;
    assert_eq!(allocation.name.as_deref(), Some("later"));
    is_paired(store, &allocation).await;
    assert_eq!(found(store, id(1)).await, None);
    // Whoever has read it before its node was found changes its name all the same, and nothing else.
    let mut again: Allocation = page.records[1].decode().unwrap();
    again.name = Some("too late".to_owned());
    let late = conductor.update_allocation(&page.records[1], again).await;
    let text = late.unwrap_err().to_string();
    assert!(text.contains("changed in between"), "{text}");
}
