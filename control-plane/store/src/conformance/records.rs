//! Records as such: what is put is read, and keeps its place.

use super::{committed, node, numbers, page, stored};
use crate::{Entity, Page, Query, Store, Table, Transaction};
use ferric_model::bios::{BiosAttribute, BiosSettings, ShownSetting};
use ferric_model::firmware::{FirmwareComponents, FirmwareIdentity, ShownComponent};
use ferric_model::node::Node;
use jiff::Timestamp;

pub(super) async fn what_was_put_is_read(store: &dyn Store) {
    let mut one = node(1);
    assert_eq!(store.get(&one.key()).await.expect("reading works"), None);
    one.name = Some("eins".to_owned());
    let first = committed(store, Transaction::new().put(&one)).await;
    let record = stored(store, &one).await;
    assert_eq!(record.decode::<Node>().expect("it is a node"), one);
    assert_eq!(record.fields, one.fields());
    assert_eq!(record.revision, first);

    one.maintenance = true;
    let second = committed(store, Transaction::new().put(&one)).await;
    assert!(second > first);
    let record = stored(store, &one).await;
    assert_eq!(record.decode::<Node>().expect("it is a node"), one);
    assert_eq!(record.revision, second);

    committed(store, Transaction::new().delete(one.key())).await;
    assert_eq!(store.get(&one.key()).await.expect("reading works"), None);
    // Deleting what is not there is no error: the end is the same.
    committed(store, Transaction::new().delete(one.key())).await;
}

pub(super) async fn a_record_keeps_its_place_until_it_is_deleted(store: &dyn Store) {
    for number in [3, 1, 2] {
        committed(store, Transaction::new().put(&node(number))).await;
    }
    committed(store, Transaction::new().put(&node(3))).await;
    let all = Query::all(Table::Node);
    assert_eq!(numbers(&page(store, &all).await), [3, 1, 2]);
    committed(store, Transaction::new().delete(node(3).key())).await;
    committed(store, Transaction::new().put(&node(3))).await;
    assert_eq!(numbers(&page(store, &all).await), [1, 2, 3]);
    let replaced = Transaction::new().put(&node(1)).delete(node(1).key());
    committed(store, replaced).await;
    assert_eq!(numbers(&page(store, &all).await), [2, 3, 1]);
}

pub(super) async fn several_are_read_in_the_order_of_their_keys(store: &dyn Store) {
    for number in 1..=4 {
        committed(store, Transaction::new().put(&node(number))).await;
    }
    let keys = [4, 9, 1, 3].map(|number| node(number).key());
    let records = store.get_each(&keys).await.expect("reading works");
    assert_eq!(numbers(&Page { records }), [4, 1, 3]);
    assert_eq!(store.get_each(&[]).await.expect("reading works"), []);
}

pub(super) async fn the_last_of_two_puts_counts(store: &dyn Store) {
    let mut named = node(1);
    named.name = Some("first".to_owned());
    let mut renamed = node(1);
    renamed.name = Some("second".to_owned());
    let transaction = Transaction::new().put(&named).put(&renamed);
    committed(store, transaction).await;
    let record = stored(store, &named).await;
    assert_eq!(record.decode::<Node>().expect("it is a node"), renamed);
    let names = |name: &str| {
        let value = crate::FieldValue::Text(name.to_owned());
        Query::all(Table::Node).filter("name", vec![value])
    };
    assert_eq!(page(store, &names("first")).await.records.len(), 0);
    assert_eq!(page(store, &names("second")).await.records.len(), 1);
}

/// Documents that have the node's id in tables of their own.
pub(super) async fn what_lies_beside_a_node_goes_with_it(store: &dyn Store) {
    let (owner, at) = (node(1), Timestamp::UNIX_EPOCH);
    let setting = |value: &str| ShownSetting {
        name: "Turbo".to_owned(),
        value: Some(value.to_owned()),
        attribute: Some(BiosAttribute {
            allowable_values: Some(vec!["On".to_owned(), "Off".to_owned()]),
            ..BiosAttribute::default()
        }),
    };
    let component = ShownComponent {
        component: "bmc".to_owned(),
        version: "1.0".to_owned(),
        identity: FirmwareIdentity::default(),
    };
    let bios = BiosSettings::renewed(owner.uuid, None, vec![setting("On")], at);
    let firmware = FirmwareComponents::renewed(owner.uuid, None, vec![component], at);
    let made = Transaction::new().put(&owner).put(&bios).put(&firmware);
    committed(store, made).await;
    let changed = BiosSettings::renewed(owner.uuid, Some(&bios), vec![setting("Off")], at);
    committed(store, Transaction::new().put(&changed)).await;
    let read = stored(store, &bios).await.decode::<BiosSettings>();
    assert_eq!(read.expect("it is a list of settings"), changed);
    let read = stored(store, &firmware)
        .await
        .decode::<FirmwareComponents>();
    assert_eq!(read.expect("it is a list of components"), firmware);
    for table in [Table::BiosSettings, Table::FirmwareComponents] {
        assert_eq!(page(store, &Query::all(table)).await.records.len(), 1);
    }
    let keys = [owner.key(), bios.key(), firmware.key()];
    let gone = keys.iter().cloned();
    let gone = gone.fold(Transaction::new(), Transaction::delete);
    committed(store, gone).await;
    for key in keys {
        assert_eq!(store.get(&key).await.expect("reading works"), None);
    }
}
