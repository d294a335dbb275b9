//! Timeline events: numbered in the order of commits, found by node.

use super::{committed, node};
use crate::{EventFilter, Store, Transaction};
use ferric_model::event::{OtherEvent, TimelineEvent, What};
use ferric_model::node::Object;
use jiff::Timestamp;
use uuid::Uuid;

fn event(number: u8, text: &str) -> TimelineEvent {
    TimelineEvent {
        id: Uuid::from_u128(text.len() as u128),
        node: node(number).uuid,
        at: Timestamp::UNIX_EPOCH,
        conductor: "c1".to_owned(),
        run: None,
        bulk: None,
        what: What::Note {
            text: text.to_owned(),
        },
    }
}

async fn read(store: &dyn Store, filter: &EventFilter) -> Vec<(u64, TimelineEvent)> {
    let events = store.events(filter).await.expect("reading works");
    let pairs = events.into_iter();
    pairs.map(|event| (event.sequence, event.event)).collect()
}

async fn fill(store: &dyn Store) -> Vec<TimelineEvent> {
    let events = ["a", "b", "c", "d"].map(|text| event(u8::from(text != "b"), text));
    let [a, b, c, d] = events.clone();
    committed(store, Transaction::new().event(a).event(b)).await;
    committed(store, Transaction::new().put(&node(1)).event(c)).await;
    committed(store, Transaction::new().event(d)).await;
    events.to_vec()
}

pub(super) async fn are_read_in_the_order_of_commits(store: &dyn Store) {
    let expected = fill(store).await;
    let (sequences, events): (Vec<_>, Vec<_>) = read(store, &EventFilter::default())
        .await
        .into_iter()
        .unzip();
    assert_eq!(events, expected);
    assert!(sequences.is_sorted_by(|left, right| left < right));
    assert!(
        sequences[0] > 0,
        "no event is number 0: `after: 0` means all"
    );
}

pub(super) async fn of_a_node_after_a_number(store: &dyn Store) {
    fill(store).await;
    let texts = async |filter: EventFilter| -> Vec<String> {
        let events = read(store, &filter).await.into_iter();
        let text = |event: TimelineEvent| match event.what {
            What::Note { text } => text,
            other => panic!("only notes were written, not {other:?}"),
        };
        events.map(|(_, event)| text(event)).collect()
    };
    let all = EventFilter::default;
    let of = |number| EventFilter {
        node: Some(node(number).uuid),
        ..all()
    };
    let second = read(store, &all()).await[1].0;
    assert_eq!(texts(of(1)).await, ["a", "c", "d"]);
    assert_eq!(texts(of(0)).await, ["b"]);
    assert_eq!(texts(of(9)).await, Vec::<String>::new());
    let after = second;
    assert_eq!(texts(EventFilter { after, ..all() }).await, ["c", "d"]);
    let limit = 1;
    let next = EventFilter {
        after,
        limit,
        ..of(1)
    };
    assert_eq!(texts(next).await, ["c"]);
    let after = u64::MAX;
    assert_eq!(
        texts(EventFilter { after, ..all() }).await,
        Vec::<String>::new()
    );
}

pub(super) async fn old_ones_are_forgotten(store: &dyn Store) {
    let written = fill(store).await;
    let numbers: Vec<u64> = {
        let events = read(store, &EventFilter::default()).await.into_iter();
        events.map(|(sequence, _)| sequence).collect()
    };
    let late = event(1, "late");
    let transaction = Transaction::new()
        .forget(node(1).uuid, numbers[2])
        .event(late.clone());
    committed(store, transaction).await;
    let left = read(store, &EventFilter::default()).await;
    let (sequences, events): (Vec<u64>, Vec<_>) = left.into_iter().unzip();
    assert_eq!(events, [written[1].clone(), written[3].clone(), late]);
    assert!(sequences[2] > numbers[3], "no number is given twice");
    let all = Transaction::new().forget(node(1).uuid, u64::MAX);
    committed(store, all).await;
    let of_node = EventFilter {
        node: Some(node(1).uuid),
        ..EventFilter::default()
    };
    assert_eq!(read(store, &of_node).await, []);
    committed(store, Transaction::new().event(event(1, "new"))).await;
    let again = read(store, &of_node).await;
    assert!(again[0].0 > sequences[2], "no number is given twice");
}

pub(super) async fn of_a_newer_release_are_read(store: &dyn Store) {
    let mut rest = Object::new();
    rest.insert("height_cm".to_owned(), 7.into());
    let newer = OtherEvent {
        event: "levitated".to_owned(),
        rest,
    };
    let newer = TimelineEvent {
        what: What::Other(newer),
        ..event(1, "newer")
    };
    let known = event(1, "known");
    let both = Transaction::new().event(newer.clone()).event(known.clone());
    committed(store, both).await;
    let events = read(store, &EventFilter::default()).await.into_iter();
    let events: Vec<_> = events.map(|(_, event)| event).collect();
    assert_eq!(events, [newer, known]);
}

pub(super) async fn the_newest_has_its_number(store: &dyn Store) {
    let newest = async || store.newest_event().await.expect("reading works");
    assert_eq!(newest().await, 0);
    fill(store).await;
    let last = read(store, &EventFilter::default()).await[3].0;
    assert_eq!(newest().await, last);
    for number in [0, 1] {
        let all = Transaction::new().forget(node(number).uuid, u64::MAX);
        committed(store, all).await;
    }
    assert_eq!(newest().await, last, "also when it is forgotten");
}
