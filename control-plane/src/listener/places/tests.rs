//! Who gets a place, who gives one up, and who keeps its own.

use super::*;
use futures_util::FutureExt;
use tokio::time::advance;

/// A place that there is now.
fn now(door: &Door) -> Option<Seat> {
    door.enter().now_or_never()
}

fn is_sent_away(seat: &Seat) -> bool {
    seat.is_given_away().now_or_never().is_some()
}

/// Has begun to take an answer, and takes no more.
fn stalls(seat: &Seat) {
    seat.does();
    seat.answers();
    seat.falls_behind();
}

#[tokio::test]
async fn whoever_waits_for_longest_goes_first_and_nobody_whose_request_is_done() {
    let door = Places::new(9).door(3);
    let [busy, first, second] = [(); 3].map(|()| now(&door).unwrap());
    busy.does();
    assert!(now(&door).is_none());
    assert!(is_sent_away(&first) && !is_sent_away(&second) && !is_sent_away(&busy));
    drop(first);
    let third = now(&door).unwrap();
    // Whoever was answered stands behind those who have waited meanwhile.
    busy.asks();
    assert!(now(&door).is_none());
    assert!(is_sent_away(&second) && !is_sent_away(&third) && !is_sent_away(&busy));
}

#[tokio::test]
async fn a_place_is_waited_for_while_all_requests_are_being_done() {
    let door = Places::new(1).door(9);
    let busy = now(&door).unwrap();
    busy.does();
    let mut next = pin!(door.enter());
    assert!(next.as_mut().now_or_never().is_none());
    assert!(!is_sent_away(&busy));
    busy.asks();
    assert!(next.as_mut().now_or_never().is_none());
    assert!(is_sent_away(&busy), "now it can be");
    drop(busy);
    assert!(next.now_or_never().is_some());
}

#[tokio::test]
async fn one_listener_takes_no_place_of_another_for_its_own_limit() {
    let places = Places::new(3);
    let (one, other) = (places.door(1), places.door(9));
    let theirs = now(&other).unwrap();
    let ours = now(&one).unwrap();
    assert!(now(&one).is_none());
    assert!(is_sent_away(&ours) && !is_sent_away(&theirs));
    let more = now(&other).unwrap();
    assert!(now(&other).is_none(), "there are three in all");
    assert!(is_sent_away(&theirs) && !is_sent_away(&more));
}

#[tokio::test]
async fn a_request_that_is_noticed_first_keeps_the_place_and_another_goes() {
    let door = Places::new(9).door(2);
    let [first, second] = [(); 2].map(|()| now(&door).unwrap());
    let mut next = pin!(door.enter());
    assert!(next.as_mut().now_or_never().is_none());
    // Chosen by now, and not told yet.
    first.does();
    assert!(!is_sent_away(&first));
    assert!(!is_sent_away(&second), "one after the other");
    assert!(next.as_mut().now_or_never().is_none());
    assert!(is_sent_away(&second) && !is_sent_away(&first));
    drop(second);
    assert!(next.now_or_never().is_some());
}

#[tokio::test]
async fn whoever_is_told_to_go_has_nothing_begun_any_more() {
    let door = Places::new(9).door(1);
    let gone = now(&door).unwrap();
    assert!(now(&door).is_none());
    assert!(is_sent_away(&gone));
    gone.does();
    assert!(is_sent_away(&gone));
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_take_its_answer_makes_room() {
    let door = Places::new(9).door(2);
    let [slow, fast] = [(); 2].map(|()| now(&door).unwrap());
    stalls(&slow);
    stalls(&fast);
    let mut next = pin!(door.enter());
    for _ in 0..4 {
        advance(GRACE / 4).await;
        fast.takes();
        slow.falls_behind();
    }
    assert!(next.as_mut().now_or_never().is_none());
    assert!(is_sent_away(&slow) && !is_sent_away(&fast));
    drop(slow);
    assert!(next.now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_place_is_found_as_soon_as_the_first_has_taken_too_little_for_too_long() {
    let door = Places::new(9).door(1);
    let slow = now(&door).unwrap();
    stalls(&slow);
    let given = async {
        slow.is_given_away().await;
        drop(slow);
    };
    let found = async { tokio::join!(door.enter(), given).0 };
    drop(timeout(GRACE * 3, found).await.expect("a place"));
}

#[tokio::test(start_paused = true)]
async fn whoever_has_taken_all_of_it_does_not_keep_us_waiting() {
    let door = Places::new(9).door(1);
    let reads = now(&door).unwrap();
    stalls(&reads);
    reads.catches_up();
    advance(GRACE * 9).await;
    assert!(now(&door).is_none());
    assert!(!is_sent_away(&reads), "there is more to come from us");
    // The next request is not done before the last answer is taken: nobody goes in the middle of it all the same.
    reads.falls_behind();
    reads.asks();
    reads.does();
    advance(GRACE * 9).await;
    assert!(now(&door).is_none());
    assert!(!is_sent_away(&reads));
}
