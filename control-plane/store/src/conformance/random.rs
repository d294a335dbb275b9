//! Random transactions and queries against the contract as a model, for stores that are reached over the trait alone.

use super::{Reference, node};
use crate::{
    Check, Entity, EventFilter, Expectation, FieldValue, Key, Query, Revision, Room, SortOrder,
    Store, StoreError, Table, Transaction,
};
use ferric_model::event::{TimelineEvent, What};
use ferric_model::ids::{Epoch, Incarnation, MacAddress, PortId};
use ferric_model::node::{Node, Ownership};
use ferric_model::port::Port;
use ferric_model::state::ProvisionState;
use jiff::Timestamp;
use uuid::Uuid;

/// Few records and few values, so that they collide.
const IDS: u8 = 5;

/// Random numbers from a seed (xorshift), so that a failure can be repeated.
#[derive(Clone, Debug)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `end`, which is small.
    fn below(&mut self, end: u8) -> u8 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u8::try_from((self.0 >> 33) % u64::from(end)).expect("it is below a small number")
    }

    fn once_in(&mut self, end: u8) -> bool {
        self.below(end) == 0
    }

    /// With a zero byte now and then: no store may end a text there.
    fn name(&mut self) -> Option<String> {
        let names = [None, Some("a"), Some("b"), Some("a\u{0}"), Some("a\u{0}b")];
        names[usize::from(self.below(5))].map(str::to_owned)
    }

    fn node(&mut self) -> Node {
        let mut node = node(self.below(IDS));
        node.name = self.name();
        node.maintenance = self.once_in(2);
        if self.once_in(2) {
            node.provision_state = ProvisionState::Active;
        }
        if !self.once_in(3) {
            node.ownership = Some(Ownership {
                conductor: "c1".to_owned(),
                incarnation: Incarnation(Uuid::nil()),
                epoch: Epoch(u64::from(self.below(3))),
            });
        }
        if self.once_in(3) {
            node.last_error = self.name();
            node.retired_reason = self.name();
            node.lessee = self.name();
        }
        if self.once_in(10) {
            node.owner = Some(format!("{}{}", "long".repeat(900), self.below(3)));
        }
        node
    }

    fn port(&mut self) -> Port {
        let uuid = PortId(Uuid::from_u128(u128::from(self.below(IDS))));
        let address = format!("52:54:00:00:00:0{}", self.below(IDS));
        let address: MacAddress = address.parse().expect("it is an address");
        let owner = node(self.below(IDS)).uuid;
        Port::new(uuid, address, owner, Timestamp::UNIX_EPOCH)
    }

    fn key(&mut self) -> Key {
        if self.once_in(4) {
            let uuid = Uuid::from_u128(u128::from(self.below(IDS)));
            return Key::new(Table::Port, uuid);
        }
        node(self.below(IDS)).key()
    }

    fn event(&mut self) -> TimelineEvent {
        TimelineEvent {
            id: Uuid::nil(),
            node: node(self.below(IDS)).uuid,
            at: Timestamp::UNIX_EPOCH,
            conductor: "c1".to_owned(),
            run: None,
            bulk: None,
            what: What::Enrolled,
        }
    }

    /// As the model stands now, so that revisions hit.
    fn transaction(&mut self, reference: &Reference) -> Transaction {
        let mut transaction = Transaction::new();
        for _ in 0..=self.below(4) {
            transaction = match self.below(12) {
                0..5 => transaction.put(&self.node()),
                5 | 6 => transaction.put(&self.port()),
                7 => transaction.delete(self.key()),
                8 => transaction.event(self.event()),
                9 => {
                    let up_to = u64::from(self.below(20));
                    transaction.forget(node(self.below(IDS)).uuid, up_to)
                }
                10 => {
                    let key = self.key();
                    let found = reference.get(&key).map_or(1, |record| record.revision.0);
                    let revision = Revision(found - u64::from(self.once_in(4)));
                    transaction.expect(Expectation::Revision(key, revision))
                }
                _ if self.once_in(3) => transaction.expect(Expectation::Room(self.room())),
                _ if self.once_in(2) => transaction.expect(Expectation::Absent(self.key())),
                _ => {
                    let epoch = Epoch(u64::from(self.below(3)));
                    let key = node(self.below(IDS)).key();
                    transaction.expect(Expectation::Epoch(key, epoch))
                }
            };
        }
        transaction
    }

    fn room(&mut self) -> Room {
        let state = [ProvisionState::Active, ProvisionState::Enroll][usize::from(self.below(2))];
        let state = FieldValue::Text(state.name().to_owned());
        let mut filters = vec![("provision_state", vec![state])];
        if self.once_in(2) {
            let values = [false, true].map(FieldValue::Bool);
            let some = usize::from(self.below(3));
            filters.push(("maintenance", values[..some].to_vec()));
        }
        Room {
            table: Table::Node,
            filters,
            limit: usize::from(self.below(4)),
        }
    }

    fn query(&mut self) -> Query {
        let mut query = Query::all(Table::Node);
        if self.once_in(2) {
            let mut values = Vec::new();
            for _ in 0..self.below(3) {
                values.push(self.name().map_or(FieldValue::Null, FieldValue::Text));
            }
            query = query.filter("name", values);
        }
        if self.once_in(3) {
            let value = FieldValue::Bool(self.once_in(2));
            query = query.filter("maintenance", vec![value]);
        }
        if self.once_in(3) {
            let values = vec![self.name().map_or(FieldValue::Null, FieldValue::Text)];
            query = query.filter_any(&["lessee", "name"], values);
        }
        if self.once_in(3) {
            query = query.check(Check::new(&["maintenance", "name"], |values| {
                let name = values[1].as_text();
                *values[0] == FieldValue::Bool(true) || name.is_some_and(|name| name.contains('b'))
            }));
        }
        let sorts = [
            "name",
            "maintenance",
            "uuid",
            "last_error",
            "retired_reason",
        ];
        let sort = sorts.get(usize::from(self.below(6)));
        query.sort = sort.map(|name| (*name).to_owned());
        if self.once_in(2) {
            query.order = SortOrder::Descending;
        }
        if self.once_in(3) {
            query.marker = Some(node(self.below(IDS)).id());
        }
        query.limit = usize::from(self.below(6));
        query
    }
}

/// What an outcome is about, without the wording.
fn told(outcome: &Result<Revision, StoreError>) -> String {
    match outcome {
        Ok(revision) => format!("{revision:?}"),
        Err(StoreError::Stale { key, .. }) => format!("stale: {key}"),
        // Which of two taken values is named first is no part of the contract.
        Err(StoreError::NotUnique { .. }) => "not unique".to_owned(),
        Err(StoreError::NoRoom { limit }) => format!("no room: {limit}"),
        Err(other) => panic!("the store may not fail: {other:?}"),
    }
}

async fn same_page(store: &dyn Store, reference: &Reference, query: &Query) {
    match (store.page(query).await, reference.page(query)) {
        (Ok(found), Ok(expected)) => {
            assert_eq!(found.records, expected.records, "{query:?}");
            let outlines = store.outlines(query).await.expect("the page could be read");
            let outlined: Vec<_> = outlines.iter().map(|outline| &outline.key).collect();
            let expected: Vec<_> = expected.records.iter().map(|record| &record.key).collect();
            assert_eq!(outlined, expected, "{query:?}");
        }
        (Err(StoreError::NoSuchMarker(_)), Err(StoreError::NoSuchMarker(_))) => {}
        (found, expected) => panic!("{query:?}: {found:?}, but expected {expected:?}"),
    }
}

/// Does `steps` random things to a fresh store and to the model.
pub async fn agrees_with_the_model(store: &dyn Store, seed: u64, steps: u32) {
    let mut dice = Dice::new(seed);
    let mut reference = Reference::default();
    for step in 0..steps {
        let transaction = dice.transaction(&reference);
        let expected = told(&reference.commit(&transaction));
        let found = told(&store.commit(transaction).await);
        assert_eq!(found, expected, "seed {seed}, step {step}");
        same_page(store, &reference, &dice.query()).await;
        let table = [Table::Node, Table::Port][usize::from(dice.below(2))];
        same_page(store, &reference, &Query::all(table)).await;
        let filter = EventFilter {
            node: dice.once_in(2).then(|| node(dice.below(IDS)).uuid),
            after: u64::from(dice.below(12)),
            limit: usize::from(dice.below(5)),
        };
        let events = store.events(&filter).await.expect("reading works");
        assert_eq!(
            events,
            reference.events(&filter),
            "seed {seed}, step {step}"
        );
    }
    for field in Table::Node
        .fields()
        .iter()
        .chain(Table::Node.sealed_fields())
    {
        let query = Query {
            sort: Some((*field).to_owned()),
            ..Query::all(Table::Node)
        };
        // Values that are cut in an index sort among themselves as they like.
        if *field != "owner" {
            same_page(store, &reference, &query).await;
        }
    }
}
