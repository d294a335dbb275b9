//! Random groups of transactions and queries, against the contract as a model (`conformance::Reference`).

use super::engine::Engine;
use super::open::open_backend;
use crate::conformance::{Reference, node};
use crate::{
    Check, Entity, EventFilter, Expectation, FieldValue, Filter, Key, Query, Revision, SortOrder,
    StoreError, Table, Transaction,
};
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::{Epoch, Incarnation, MacAddress, PortId};
use ferric_model::node::{Node, Ownership};
use ferric_model::port::Port;
use ferric_model::state::ProvisionState;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use std::io;
use std::sync::Arc;
use uuid::Uuid;

/// Few records and few values, so that they collide.
const IDS: u8 = 5;

#[derive(Clone, Debug)]
enum Op {
    Group(Vec<Vec<Part>>),
    Page(Query),
    Events(EventFilter),
    Reopen,
}

/// One piece of a transaction.
#[derive(Clone, Debug)]
enum Part {
    /// The revision that the record has, or the one before it.
    Revision(Key, bool),
    Absent(Key),
    Epoch(Key, u64),
    Node(Box<Node>),
    Port(Box<Port>),
    Delete(Key),
    Event(u8),
    Forget(u8, u64),
}

fn any_node() -> impl Strategy<Value = Node> {
    let states = [ProvisionState::Enroll, ProvisionState::Active];
    let text = || option::of("[ab]\u{0}?");
    let texts = (text(), text(), text());
    (0..IDS, texts, any::<bool>(), 0..2usize, option::of(0..3u64)).prop_map(
        move |(number, (name, owner, last_error), maintenance, state, epoch)| Node {
            name,
            owner,
            last_error,
            maintenance,
            provision_state: states[state],
            ownership: epoch.map(|epoch| Ownership {
                conductor: "c1".to_owned(),
                incarnation: Incarnation(Uuid::nil()),
                epoch: Epoch(epoch),
            }),
            ..node(number)
        },
    )
}

fn any_port() -> impl Strategy<Value = Port> {
    (0..IDS, 0..IDS, 0..IDS).prop_map(|(number, address, owner)| {
        let address: MacAddress = format!("52:54:00:00:00:0{address}").parse().unwrap();
        let uuid = PortId(Uuid::from_u128(u128::from(number)));
        Port::new(uuid, address, node(owner).uuid, Timestamp::UNIX_EPOCH)
    })
}

fn any_key() -> impl Strategy<Value = Key> {
    let port = |number| Key::new(Table::Port, Uuid::from_u128(u128::from(number)));
    prop_oneof![
        3 => (0..IDS).prop_map(|number| node(number).key()),
        1 => (0..IDS).prop_map(port),
    ]
}

fn any_part() -> impl Strategy<Value = Part> {
    prop_oneof![
        8 => any_node().prop_map(|node| Part::Node(Box::new(node))),
        3 => any_port().prop_map(|port| Part::Port(Box::new(port))),
        2 => any_key().prop_map(Part::Delete),
        3 => (0..IDS).prop_map(Part::Event),
        1 => (0..IDS, 0..12u64).prop_map(|(number, up_to)| Part::Forget(number, up_to)),
        2 => (any_key(), prop::bool::weighted(0.8)).prop_map(|(key, holds)| Part::Revision(key, holds)),
        1 => any_key().prop_map(Part::Absent),
        1 => ((0..IDS), 0..3u64).prop_map(|(number, epoch)| Part::Epoch(node(number).key(), epoch)),
    ]
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let of = |fields: &[&str], values| Filter {
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        values,
    };
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let name = prop_oneof![
        Just(FieldValue::Null),
        "[ab]\u{0}?".prop_map(FieldValue::Text)
    ];
    prop_oneof![
        vec(name.clone(), 0..3).prop_map(move |values| of(&["name"], values)),
        vec(name, 0..3).prop_map(move |values| of(&["owner", "name"], values)),
        vec(any::<bool>().prop_map(FieldValue::Bool), 1..3)
            .prop_map(move |values| of(&["maintenance"], values)),
        Just(of(&["provision_state"], vec![text("active")])),
    ]
}

/// In no order of the table's.
fn any_check() -> impl Strategy<Value = Check> {
    ("[ab]", any::<bool>()).prop_map(|(part, maintenance)| {
        Check::new(&["maintenance", "name"], move |values| {
            let name = values[1].as_text().unwrap_or_default();
            *values[0] == FieldValue::Bool(maintenance) || name.contains(&part)
        })
    })
}

fn any_query() -> impl Strategy<Value = Query> {
    let sort = option::of(prop::sample::select(vec![
        "name",
        "provision_state",
        "maintenance",
        "uuid",
        "last_error",
        "retired_reason",
    ]));
    let marker = option::weighted(0.3, 0..IDS);
    (
        (vec(any_filter(), 0..3), vec(any_check(), 0..2)),
        sort,
        any::<bool>(),
        marker,
        0..6usize,
    )
        .prop_map(
            |((filters, checks), sort, descending, marker, limit)| Query {
                table: Table::Node,
                filters,
                checks,
                sort: sort.map(str::to_owned),
                order: if descending {
                    SortOrder::Descending
                } else {
                    SortOrder::Ascending
                },
                marker: marker.map(|number| node(number).id()),
                limit,
                wanted: None,
            },
        )
}

fn any_op() -> impl Strategy<Value = Op> {
    let node_of = |number: Option<u8>| number.map(|number| node(number).uuid);
    prop_oneof![
        6 => vec(vec(any_part(), 1..5), 1..5).prop_map(Op::Group),
        4 => any_query().prop_map(Op::Page),
        1 => (option::of(0..IDS), 0..12u64, 0..5usize).prop_map(move |(number, after, limit)| {
            Op::Events(EventFilter { node: node_of(number), after, limit })
        }),
        1 => Just(Op::Reopen),
    ]
}

/// As the model stands now, so that revisions hit.
fn transaction(parts: &[Part], reference: &Reference) -> Transaction {
    let mut transaction = Transaction::new();
    for part in parts {
        transaction = match part.clone() {
            Part::Revision(key, holds) => {
                let found = reference.get(&key).map_or(1, |record| record.revision.0);
                let revision = Revision(if holds { found } else { found - 1 });
                transaction.expect(Expectation::Revision(key, revision))
            }
            Part::Absent(key) => transaction.expect(Expectation::Absent(key)),
            Part::Epoch(key, epoch) => transaction.expect(Expectation::Epoch(key, Epoch(epoch))),
            Part::Node(node) => transaction.put(&*node),
            Part::Port(port) => transaction.put(&*port),
            Part::Delete(key) => transaction.delete(key),
            Part::Forget(number, up_to) => transaction.forget(node(number).uuid, up_to),
            Part::Event(number) => transaction.event(TimelineEvent {
                id: Uuid::nil(),
                node: node(number).uuid,
                at: Timestamp::UNIX_EPOCH,
                conductor: "c1".to_owned(),
                run: None,
                bulk: None,
                what: What::Enrolled,
            }),
        };
    }
    transaction
}

/// What an outcome is about, without the wording.
fn told(outcome: &Result<Revision, StoreError>) -> String {
    match outcome {
        Ok(revision) => format!("{revision:?}"),
        Err(StoreError::Stale { key, .. }) => format!("stale: {key}"),
        // Which of two taken values is named first is no part of the contract.
        Err(StoreError::NotUnique { .. }) => "not unique".to_owned(),
        Err(other) => panic!("memory does not fail: {other:?}"),
    }
}

/// Memory that outlives the database over it.
#[derive(Clone, Debug)]
struct Shared(Arc<InMemoryBackend>);

impl StorageBackend for Shared {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

fn run(engine: &Engine, reference: &mut Reference, op: &Op) {
    match op {
        Op::Group(group) => {
            let mut transactions = Vec::new();
            let mut expected = Vec::new();
            for parts in group {
                let transaction = transaction(parts, reference);
                expected.push(told(&reference.commit(&transaction)));
                transactions.push(transaction);
            }
            let outcomes = engine.try_commit_group(&transactions).unwrap();
            let outcomes: Vec<_> = outcomes.iter().map(told).collect();
            assert_eq!(outcomes, expected);
        }
        Op::Page(query) => match (engine.page(query), reference.page(query)) {
            (Ok(found), Ok(expected)) => assert_eq!(found.records, expected.records, "{query:?}"),
            (Err(StoreError::NoSuchMarker(_)), Err(StoreError::NoSuchMarker(_))) => {}
            (found, expected) => panic!("{query:?}: {found:?}, but expected {expected:?}"),
        },
        Op::Events(filter) => {
            assert_eq!(engine.events(filter).unwrap(), reference.events(filter));
        }
        Op::Reopen => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_store_does_what_the_contract_says(ops in vec(any_op(), 1..30)) {
        let memory = Shared(Arc::new(InMemoryBackend::new()));
        let open = || open_backend(memory.clone(), &[9; 32]).unwrap();
        let mut engine = open();
        let mut reference = Reference::default();
        for op in &ops {
            if matches!(op, Op::Reopen) {
                drop(engine);
                engine = open();
            }
            run(&engine, &mut reference, op);
            for table in [Table::Node, Table::Port] {
                let all = Op::Page(Query::all(table));
                run(&engine, &mut reference, &all);
            }
        }
        let events = Op::Events(EventFilter::default());
        run(&engine, &mut reference, &events);
        for field in Table::Node.fields().iter().chain(Table::Node.sealed_fields()) {
            let query = Query { sort: Some((*field).to_owned()), ..Query::all(Table::Node) };
            run(&engine, &mut reference, &Op::Page(query));
        }
    }
}
