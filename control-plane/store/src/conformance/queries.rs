//! Queries: filters, order, pages.

use super::{committed, node, numbers, page};
use crate::{
    Check, Entity, FieldValue, Outline, Query, Rows, SortOrder, Store, StoreError, Table,
    Transaction, ValueRef, WriteRow, value_of,
};
use ferric_model::ids::NodeId;
use ferric_model::node::Node;
use ferric_model::state::ProvisionState;
use jiff::Timestamp;
use std::sync::Arc;
use uuid::Uuid;

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.to_owned())
}

/// Six nodes: two in each of three states, those with even numbers in maintenance, two with a resource class.
async fn fill(store: &dyn Store) {
    let states = [
        ProvisionState::Active,
        ProvisionState::Enroll,
        ProvisionState::Available,
    ];
    for number in 1..=6 {
        let mut node: Node = node(number);
        node.provision_state = states[usize::from(number) % 3];
        node.maintenance = number % 2 == 0;
        node.resource_class = match number {
            2 => Some("small".to_owned()),
            5 => Some("large".to_owned()),
            _ => None,
        };
        committed(store, Transaction::new().put(&node)).await;
    }
}

pub(super) async fn filters_hold_together(store: &dyn Store) {
    fill(store).await;
    let all = || Query::all(Table::Node);
    let check = async |query: Query, expected: &[u8]| {
        assert_eq!(numbers(&page(store, &query).await), expected, "{query:?}");
    };
    check(all(), &[1, 2, 3, 4, 5, 6]).await;
    check(
        all().filter("provision_state", vec![text("active")]),
        &[3, 6],
    )
    .await;
    let two = vec![text("enroll"), text("active")];
    check(all().filter("provision_state", two.clone()), &[1, 3, 4, 6]).await;
    let both = all()
        .filter("provision_state", two)
        .filter("maintenance", vec![FieldValue::Bool(true)]);
    check(both, &[4, 6]).await;
    check(all().filter("provision_state", Vec::new()), &[]).await;
    check(
        all().filter("resource_class", vec![FieldValue::Null]),
        &[1, 3, 4, 6],
    )
    .await;
    // Not a prefix, not another type.
    check(all().filter("provision_state", vec![text("act")]), &[]).await;
    check(all().filter("maintenance", vec![text("true")]), &[]).await;
    let record_elsewhere = Query::all(Table::Port);
    check(record_elsewhere, &[]).await;
}

pub(super) async fn order_and_ties(store: &dyn Store) {
    fill(store).await;
    let check = async |sort: Option<&str>, order, expected: &[u8]| {
        let query = Query {
            sort: sort.map(str::to_owned),
            order,
            ..Query::all(Table::Node)
        };
        assert_eq!(numbers(&page(store, &query).await), expected, "{query:?}");
    };
    let (up, down) = (SortOrder::Ascending, SortOrder::Descending);
    check(None, up, &[1, 2, 3, 4, 5, 6]).await;
    check(None, down, &[6, 5, 4, 3, 2, 1]).await;
    check(Some("provision_state"), up, &[3, 6, 2, 5, 1, 4]).await;
    check(Some("provision_state"), down, &[4, 1, 5, 2, 6, 3]).await;
    check(Some("resource_class"), up, &[1, 3, 4, 6, 5, 2]).await;
    check(Some("resource_class"), down, &[2, 5, 6, 4, 3, 1]).await;
}

pub(super) async fn times_sort_as_times(store: &dyn Store) {
    let moments = ["00:00:01Z", "00:00:01.5Z", "00:00:01.25Z", "00:00:00.9Z"];
    for (number, moment) in (1..).zip(moments) {
        let at: Timestamp = format!("2026-01-01T{moment}")
            .parse()
            .expect("it is a time");
        let mut node = node(number);
        node.updated_at = Some(at);
        committed(store, Transaction::new().put(&node)).await;
    }
    let query = Query {
        sort: Some("updated_at".to_owned()),
        ..Query::all(Table::Node)
    };
    assert_eq!(numbers(&page(store, &query).await), [4, 1, 3, 2]);
}

pub(super) async fn pages_join_without_gap(store: &dyn Store) {
    fill(store).await;
    for sort in [None, Some("provision_state"), Some("resource_class")] {
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            for filtered in [false, true] {
                join_pages(store, sort, order, filtered).await;
            }
        }
    }
    // A marker need not be on the list itself.
    let query = Query {
        marker: Some(node(3).id()),
        ..Query::all(Table::Node).filter("maintenance", vec![FieldValue::Bool(true)])
    };
    assert_eq!(numbers(&page(store, &query).await), [4, 6]);
}

/// In the order of a field, of which most values are those of records that do not match.
pub(super) async fn few_are_found_among_many(store: &dyn Store) {
    const MANY: u128 = 900;
    let mut transaction = Transaction::new();
    for number in 0..MANY {
        let mut one = node(0);
        one.uuid = NodeId(Uuid::from_u128(number + 1));
        // All numbers once, and in no order.
        one.name = Some(format!("{:03}", number * 7 % MANY));
        one.last_error = one.name.clone();
        one.retired = number.is_multiple_of(100);
        one.owner = Some(format!("owner-{}", number % 2));
        transaction = transaction.put(&one);
    }
    committed(store, transaction).await;
    for sort in ["name", "last_error"] {
        for order in [SortOrder::Ascending, SortOrder::Descending] {
            find_few(store, sort, order).await;
        }
    }
}

async fn find_few(store: &dyn Store, sort: &str, order: SortOrder) {
    let mut query = Query {
        sort: Some(sort.to_owned()),
        order,
        limit: 2,
        ..Query::all(Table::Node)
            .filter("retired", vec![FieldValue::Bool(true)])
            .filter("owner", vec![text("owner-0"), text("nobody")])
    };
    let mut names = Vec::new();
    loop {
        let records = page(store, &query).await.records;
        let Some(last) = records.last() else { break };
        query.marker = Some(last.key.id.clone());
        let found = records
            .iter()
            .map(|record| value_of(&record.fields, "name"));
        names.extend(found.map(|name| name.as_text().unwrap_or_default().to_owned()));
    }
    let mut expected: Vec<_> = (0..9)
        .map(|number| format!("{:03}", number * 100))
        .collect();
    if order == SortOrder::Descending {
        expected.reverse();
    }
    assert_eq!(names, expected);
}

async fn join_pages(store: &dyn Store, sort: Option<&str>, order: SortOrder, filtered: bool) {
    let mut query = Query {
        sort: sort.map(str::to_owned),
        order,
        ..Query::all(Table::Node)
    };
    if filtered {
        query = query.filter("maintenance", vec![FieldValue::Bool(false)]);
    }
    let whole = numbers(&page(store, &query).await);
    query.limit = 2;
    let mut joined = Vec::new();
    loop {
        let part = page(store, &query).await;
        assert!(part.records.len() <= 2);
        joined.extend(numbers(&part));
        let Some(last) = part.records.last() else {
            break;
        };
        query.marker = Some(last.key.id.clone());
        assert!(joined.len() <= whole.len(), "pages repeat: {query:?}");
    }
    assert_eq!(joined, whole, "{query:?}");
}

pub(super) async fn outlines_are_pages_without_documents(store: &dyn Store) {
    fill(store).await;
    let query = Query {
        limit: 2,
        ..Query::all(Table::Node).filter("maintenance", vec![FieldValue::Bool(true)])
    };
    let outlines = store
        .outlines(&query)
        .await
        .expect("the query is a good one");
    let records = page(store, &query).await.records.into_iter();
    let expected: Vec<Outline> = records.map(Outline::from).collect();
    assert_eq!(outlines, expected);
    assert_eq!(outlines.len(), 2);
}

pub(super) async fn outlines_have_what_is_wanted(store: &dyn Store) {
    fill(store).await;
    let all = Query::all(Table::Node);
    let whole = store.outlines(&all).await.expect("the query is a good one");
    // In the order of the table's fields, whatever that of the names is.
    for wanted in [vec![], vec!["resource_class", "uuid", "maintenance"]] {
        let query = all.clone().want(wanted.clone());
        let narrowed = store.outlines(&query).await;
        let mut expected = whole.clone();
        for outline in &mut expected {
            outline.fields.retain(|(name, _)| wanted.contains(name));
        }
        assert_eq!(narrowed.expect("the query is a good one"), expected);
    }
}

/// Shows what it is given.
struct Plain;

impl WriteRow for Plain {
    fn write(&self, id: &str, values: &[ValueRef<'_>], text: &mut Vec<u8>) {
        text.extend_from_slice(format!("{id} {values:?}").as_bytes());
    }
}

pub(super) async fn rows_are_outlines_that_are_written_at_once(store: &dyn Store) {
    fill(store).await;
    let all = || Query::all(Table::Node).want(vec!["uuid", "resource_class", "maintenance"]);
    let sorted = Query {
        sort: Some("resource_class".to_owned()),
        ..all()
    };
    let filtered = all().filter("maintenance", vec![FieldValue::Bool(true)]);
    for query in [all(), sorted, filtered] {
        for (order, limit, marker) in [
            (SortOrder::Ascending, 1000, None),
            (SortOrder::Ascending, 2, Some(4)),
            (SortOrder::Descending, 2, Some(4)),
            (SortOrder::Descending, 2, Some(2)),
            (SortOrder::Descending, 0, None),
        ] {
            let query = Query {
                order,
                limit,
                marker: marker.map(|number| node(number).id()),
                ..query.clone()
            };
            let outlines = store.outlines(&query).await;
            let outlines = outlines.expect("the query is a good one");
            let lines = outlines.iter().map(|outline| {
                let values = outline.fields.iter().map(|(_, value)| value.into());
                format!(
                    "{} {:?}",
                    outline.key.id,
                    values.collect::<Vec<ValueRef<'_>>>()
                )
            });
            let text = format!("[{}", lines.collect::<Vec<_>>().join(","));
            let expected = Rows {
                text: text.into_bytes(),
                count: outlines.len(),
                last: outlines.last().map(|outline| outline.key.id.clone()),
            };
            let rows = store.rows(&query, Arc::new(Plain), b"[".to_vec()).await;
            assert_eq!(rows.expect("the query is a good one"), expected);
        }
    }
}

pub(super) async fn a_record_has_the_fields_that_are_wanted(store: &dyn Store) {
    fill(store).await;
    let key = node(2).key();
    let whole = store.get(&key).await.expect("the store is there");
    for wanted in [&[][..], &["resource_class", "uuid"], Node::FIELDS] {
        let mut expected = whole.clone();
        if let Some(record) = &mut expected {
            record.fields.retain(|(name, _)| wanted.contains(name));
        }
        let found = store.get_with(&key, wanted).await;
        assert_eq!(found.expect("the store is there"), expected);
        let found = store.outline(&key, wanted).await;
        assert_eq!(
            found.expect("the store is there"),
            expected.map(Outline::from)
        );
    }
    let absent = node(7).key();
    let found = store.get_with(&absent, &["uuid"]).await;
    assert_eq!(found.expect("the store is there"), None);
    let found = store.outline(&absent, &["uuid"]).await;
    assert_eq!(found.expect("the store is there"), None);
}

pub(super) async fn unknown_names_are_errors(store: &dyn Store) {
    let filter = Query::all(Table::Node).filter("colour", vec![text("red")]);
    let either = Query::all(Table::Node).filter_any(&["uuid", "colour"], vec![text("red")]);
    let check = Query::all(Table::Node).check(Check::new(&["last_error"], |_| true));
    let wanted = Query::all(Table::Node).want(vec!["last_error"]);
    let sort = Query {
        sort: Some("driver_info".to_owned()),
        ..Query::all(Table::Node)
    };
    for query in [filter, either, check, wanted, sort] {
        let outcome = store.outlines(&query).await;
        assert!(matches!(
            outcome,
            Err(StoreError::NoSuchField(_, Table::Node))
        ));
    }
    let marker = Query {
        marker: Some(node(1).id()),
        ..Query::all(Table::Node)
    };
    let outcome = store.page(&marker).await;
    assert!(matches!(outcome, Err(StoreError::NoSuchMarker(_))));
}
