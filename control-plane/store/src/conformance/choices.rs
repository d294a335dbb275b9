//! Queries that no single walk through an index answers: either of two fields, checks, orders by what is sealed.

use super::{committed, node, numbers, page};
use crate::{Check, Entity, FieldValue, Query, SortOrder, Store, Table, Transaction};
use ferric_model::ids::NodeId;
use uuid::Uuid;

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.to_owned())
}

pub(super) async fn one_of_several_fields_is_enough(store: &dyn Store) {
    let projects = [
        (None, None),
        (Some("a"), None),
        (None, Some("a")),
        (Some("a"), Some("a")),
        (Some("b"), Some("c")),
        (Some("c"), Some("b")),
    ];
    for (number, (owner, lessee)) in (1..).zip(projects) {
        let mut node = node(number);
        (node.owner, node.lessee) = (owner.map(str::to_owned), lessee.map(str::to_owned));
        node.maintenance = number % 2 == 0;
        committed(store, Transaction::new().put(&node)).await;
    }
    let of = |projects: &[&str]| {
        let projects = projects.iter().map(|project| text(project)).collect();
        Query::all(Table::Node).filter_any(&["owner", "lessee"], projects)
    };
    let check = async |query: Query, expected: &[u8]| {
        assert_eq!(numbers(&page(store, &query).await), expected, "{query:?}");
    };
    check(of(&["a"]), &[2, 3, 4]).await;
    check(of(&["b"]), &[5, 6]).await;
    check(of(&["a", "b"]), &[2, 3, 4, 5, 6]).await;
    check(of(&["nobody"]), &[]).await;
    let null = Query::all(Table::Node).filter_any(&["owner", "lessee"], vec![FieldValue::Null]);
    check(null, &[1, 2, 3]).await;
    let maintained = of(&["a"]).filter("maintenance", vec![FieldValue::Bool(true)]);
    check(maintained, &[2, 4]).await;
    let sorted = Query {
        sort: Some("owner".to_owned()),
        order: SortOrder::Descending,
        ..of(&["a", "c"])
    };
    check(sorted, &[6, 5, 4, 2, 3]).await;
}

/// Among so many that it is not asked of each of them in turn.
pub(super) async fn checks_hold_with_filters(store: &dyn Store) {
    const MANY: u128 = 700;
    let mut transaction = Transaction::new();
    for number in 0..MANY {
        let mut one = node(0);
        one.uuid = NodeId(Uuid::from_u128(number + 1));
        one.name = Some(format!("n{:03}", number * 3 % MANY));
        one.description = Some(format!("rack {}", number / 10));
        one.maintenance = number.is_multiple_of(2);
        transaction = transaction.put(&one);
    }
    committed(store, transaction).await;
    let racks = |rack: &'static str| {
        Check::new(&["name", "description"], move |values| {
            let named = values[0]
                .as_text()
                .is_some_and(|name| name.starts_with('n'));
            named && values[1].as_text() == Some(rack)
        })
    };
    let places = async |query: &Query| -> Vec<u64> {
        let records = page(store, query).await.records;
        records.iter().map(|record| record.sequence).collect()
    };
    for (rack, sort, order, expected) in [
        ("rack 0", None, SortOrder::Ascending, [1, 3, 5, 7, 9]),
        (
            "rack 68",
            None,
            SortOrder::Ascending,
            [681, 683, 685, 687, 689],
        ),
        (
            "rack 68",
            None,
            SortOrder::Descending,
            [689, 687, 685, 683, 681],
        ),
        // 680 * 3 % 700 is 640, and so on by 6.
        (
            "rack 68",
            Some("name"),
            SortOrder::Descending,
            [689, 687, 685, 683, 681],
        ),
    ] {
        let mut query = Query {
            sort: sort.map(str::to_owned),
            order,
            ..Query::all(Table::Node)
                .filter("maintenance", vec![FieldValue::Bool(true)])
                .check(racks(rack))
        };
        assert_eq!(places(&query).await, expected, "{query:?}");
        query.limit = 2;
        query.marker = Some(Uuid::from_u128(u128::from(expected[1])).to_string());
        assert_eq!(places(&query).await, expected[2..4], "{query:?}");
        assert!(places(&query.check(racks("nowhere"))).await.is_empty());
    }
}

/// What stands in clear nowhere is an order all the same: null first, ties as they were made.
pub(super) async fn sealed_fields_are_orders(store: &dyn Store) {
    let errors = [Some("b"), None, Some("a"), Some("b"), None, Some("")];
    for (number, error) in (1..).zip(errors) {
        let mut node = node(number);
        node.last_error = error.map(str::to_owned);
        node.maintenance = number != 3;
        committed(store, Transaction::new().put(&node)).await;
    }
    let sorted = |order| Query {
        sort: Some("last_error".to_owned()),
        order,
        ..Query::all(Table::Node)
    };
    let check = async |query: Query, expected: &[u8]| {
        assert_eq!(numbers(&page(store, &query).await), expected, "{query:?}");
    };
    let (up, down) = (SortOrder::Ascending, SortOrder::Descending);
    check(sorted(up), &[2, 5, 6, 3, 1, 4]).await;
    check(sorted(down), &[4, 1, 3, 6, 5, 2]).await;
    let maintained = |query: Query| query.filter("maintenance", vec![FieldValue::Bool(true)]);
    check(maintained(sorted(up)), &[2, 5, 6, 1, 4]).await;
    for order in [up, down] {
        let whole = numbers(&page(store, &sorted(order)).await);
        for (place, number) in whole.iter().enumerate() {
            let query = Query {
                marker: Some(node(*number).id()),
                limit: 2,
                ..sorted(order)
            };
            let end = whole.len().min(place + 3);
            check(query, &whole[place + 1..end]).await;
        }
    }
    // It changes and goes with its record.
    let mut changed = node(3);
    changed.retired_reason = Some("z".to_owned());
    let change = Transaction::new().put(&changed).delete(node(1).key());
    committed(store, change).await;
    check(sorted(up), &[2, 3, 5, 6, 4]).await;
    let by_reason = Query {
        sort: Some("retired_reason".to_owned()),
        ..sorted(down)
    };
    check(by_reason, &[3, 6, 5, 4, 2]).await;
}
