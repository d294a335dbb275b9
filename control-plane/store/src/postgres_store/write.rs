//! The statements of a commit, prepared once for each connection, and the writes of one transaction in their order.

use super::moment::{Moment, Old};
use super::row::{LAYOUT, encode_fields, indexed, kind};
use super::sql;
use crate::StoreError;
use crate::check::is_replaced;
use crate::record::{FieldValue, Key};
use crate::seal::{KeyId, Sealer, place_of_event};
use crate::transaction::{Put, Transaction};
use crate::transfer::Counters;
use deadpool_postgres::ClientWrapper;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Statement};

#[derive(Clone)]
pub(super) struct Statements {
    pub(super) lock: Statement,
    pub(super) heads: Statement,
    pub(super) holders: Statement,
    insert: Statement,
    update: Statement,
    delete: Statement,
    insert_fields: Statement,
    delete_field: Statement,
    insert_events: Statement,
    forget_events: Statement,
    counters: Statement,
}

impl Statements {
    pub(super) async fn prepare(client: &ClientWrapper) -> Result<Self, Error> {
        Ok(Self {
            lock: client.prepare_cached(sql::LOCK_COUNTERS).await?,
            heads: client.prepare_cached(sql::HEADS).await?,
            holders: client.prepare_cached(sql::HOLDERS).await?,
            insert: client.prepare_cached(sql::INSERT_RECORD).await?,
            update: client.prepare_cached(sql::UPDATE_RECORD).await?,
            delete: client.prepare_cached(sql::DELETE_RECORD).await?,
            insert_fields: client.prepare_cached(sql::INSERT_FIELDS).await?,
            delete_field: client.prepare_cached(sql::DELETE_FIELD).await?,
            insert_events: client.prepare_cached(sql::INSERT_EVENTS).await?,
            forget_events: client.prepare_cached(sql::FORGET_EVENTS).await?,
            counters: client.prepare_cached(sql::WRITE_COUNTERS).await?,
        })
    }
}

/// A parameter that the write owns.
pub(super) type Value = Box<dyn ToSql + Sync + Send>;

/// One statement with its parameters.
pub(super) struct Write {
    pub(super) statement: Statement,
    pub(super) values: Vec<Value>,
}

/// What a transaction writes: deletes first, then puts, then events, of which old ones go before new ones come; the
/// counters last.
pub(super) struct Writes<'w> {
    statements: &'w Statements,
    pub(super) list: Vec<Write>,
}

/// A transaction with its documents sealed: that needs no lock, and is not repeated with the transaction.
pub(super) struct Sealed<'t> {
    pub(super) transaction: &'t Transaction,
    pub(super) key: KeyId,
    pub(super) documents: Vec<Vec<u8>>,
}

impl<'w> Writes<'w> {
    /// Counts on from `counters`, which are those of the last commit, and leaves them as this one's.
    pub(super) fn of(
        sealed: &Sealed<'_>,
        moment: &mut Moment,
        counters: &mut Counters,
        (statements, sealer): (&'w Statements, &Sealer),
    ) -> Result<Self, StoreError> {
        let transaction = sealed.transaction;
        let mut writes = Self {
            statements,
            list: Vec::new(),
        };
        counters.revision += 1;
        for key in &transaction.delete {
            if let Some(old) = moment.old.remove(key) {
                writes.delete(key, &old);
            }
        }
        for (index, put) in transaction.put.iter().enumerate() {
            if !is_replaced(transaction, index) {
                let document = sealed.documents[index].clone();
                writes.put(put, document, moment.old.get(&put.key), counters);
            }
        }
        for forget in &transaction.forget {
            let up_to = i64::try_from(forget.up_to).unwrap_or(i64::MAX);
            let values: Vec<Value> = vec![Box::new(forget.node.0), Box::new(up_to)];
            writes.add(&statements.forget_events, values);
        }
        writes.events(transaction, counters, sealer)?;
        writes.add(&statements.counters, counters.values());
        Ok(writes)
    }

    fn add(&mut self, statement: &Statement, values: Vec<Value>) {
        self.list.push(Write {
            statement: statement.clone(),
            values,
        });
    }

    fn delete(&mut self, key: &Key, old: &Old) {
        let (kind, place) = (kind(key.table), old.place.cast_signed());
        let statements = self.statements;
        self.add(&statements.delete, vec![Box::new(kind), Box::new(place)]);
        let fields = old.fields.iter();
        let fields = fields.map(|(name, value)| (name.clone(), indexed(value)));
        self.remove_fields((kind, place), fields.collect());
    }

    fn put(&mut self, put: &Put, document: Vec<u8>, old: Option<&Old>, counters: &mut Counters) {
        let statements = self.statements;
        let kind = kind(put.key.table);
        let revision = counters.revision.cast_signed();
        let epoch = put.epoch.map(|epoch| epoch.0.cast_signed());
        let mut rest: Vec<Value> = vec![
            Box::new(revision),
            Box::new(epoch),
            Box::new(LAYOUT),
            Box::new(encode_fields(&put.fields)),
            Box::new(document),
        ];
        let place = if let Some(old) = old {
            let place = old.place.cast_signed();
            let mut values: Vec<Value> = vec![Box::new(kind), Box::new(place)];
            values.append(&mut rest);
            self.add(&statements.update, values);
            place
        } else {
            counters.sequence += 1;
            let place = counters.sequence.cast_signed();
            let id = put.key.id.as_bytes().to_vec();
            let mut values: Vec<Value> = vec![Box::new(kind), Box::new(place), Box::new(id)];
            values.append(&mut rest);
            self.add(&statements.insert, values);
            place
        };
        let (gone, new) = changes(old, put);
        self.remove_fields((kind, place), gone);
        self.add_fields((kind, place), new);
    }

    fn remove_fields(&mut self, (kind, place): (i16, i64), fields: Entries) {
        let statements = self.statements;
        for (name, value) in fields {
            let values: Vec<Value> = vec![
                Box::new(kind),
                Box::new(name),
                Box::new(value),
                Box::new(place),
            ];
            self.add(&statements.delete_field, values);
        }
    }

    fn add_fields(&mut self, (kind, place): (i16, i64), fields: Entries) {
        if fields.is_empty() {
            return;
        }
        let statements = self.statements;
        let (names, values): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
        let values: Vec<Value> = vec![
            Box::new(kind),
            Box::new(place),
            Box::new(names),
            Box::new(values),
        ];
        self.add(&statements.insert_fields, values);
    }

    fn events(
        &mut self,
        transaction: &Transaction,
        counters: &mut Counters,
        sealer: &Sealer,
    ) -> Result<(), StoreError> {
        if transaction.events.is_empty() {
            return Ok(());
        }
        let (mut sequences, mut nodes, mut sealed) = (Vec::new(), Vec::new(), Vec::new());
        for event in &transaction.events {
            counters.event += 1;
            let clear = serde_json::to_vec(event).expect("our own types serialise to JSON");
            sequences.push(counters.event.cast_signed());
            nodes.push(event.node.0);
            sealed.push(sealer.seal(&place_of_event(counters.event), &clear)?);
        }
        let statements = self.statements;
        let values: Vec<Value> = vec![Box::new(sequences), Box::new(nodes), Box::new(sealed)];
        self.add(&statements.insert_events, values);
        Ok(())
    }
}

impl Counters {
    pub(super) fn values(self) -> Vec<Value> {
        vec![
            Box::new(self.revision.cast_signed()),
            Box::new(self.sequence.cast_signed()),
            Box::new(self.event.cast_signed()),
        ]
    }
}

/// Entries of the index that go, and those that come.
type Entries = Vec<(String, Vec<u8>)>;

fn changes(old: Option<&Old>, put: &Put) -> (Entries, Entries) {
    let had: &[(String, FieldValue)] = old.map_or(&[], |old| &old.fields);
    let same = |name: &str, value: &FieldValue, there: &str, has: &FieldValue| {
        name == there && value == has
    };
    let gone = had.iter().filter(|(name, value)| {
        let mut new = put.fields.iter();
        !new.any(|(there, has)| same(name, value, there, has))
    });
    let new = put.fields.iter().filter(|(name, value)| {
        let mut old = had.iter();
        !old.any(|(there, has)| same(name, value, there, has))
    });
    (
        gone.map(|(name, value)| (name.clone(), indexed(value)))
            .collect(),
        new.map(|(name, value)| ((*name).to_owned(), indexed(value)))
            .collect(),
    )
}
