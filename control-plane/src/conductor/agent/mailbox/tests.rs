//! No request is lost or made up on the way to an agent that comes for it.

use super::*;
use ferric_agent_protocol::dial_out::Method;
use tokio::task::JoinSet;

const NODE: NodeId = NodeId(Uuid::from_u128(1));
const OTHER: NodeId = NodeId(Uuid::from_u128(2));
const LIMIT_S: Duration = Duration::from_secs(10);
const HOLD: Duration = Duration::from_secs(20);

fn request(id: u128) -> DialOutRequest {
    DialOutRequest {
        id: Uuid::from_u128(id),
        method: Method::Get,
        path: "/v1/commands/".to_owned(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
    }
}

fn answer(text: &str) -> DialOutAnswer {
    DialOutAnswer {
        status: 200,
        body: text.to_owned(),
    }
}

fn token(text: &str) -> Token {
    Token(text.to_owned())
}

type Outcome = Result<DialOutAnswer, Unanswered>;

/// Lays it down, in a task of its own.
fn ask(mailboxes: &Mailboxes, id: u128) -> JoinSet<Outcome> {
    let (mailboxes, mut tasks) = (mailboxes.clone(), JoinSet::new());
    tasks.spawn(async move {
        let asking = mailboxes.ask(NODE, token("a"), request(id), LIMIT_S);
        asking.await
    });
    tasks
}

async fn outcome(mut tasks: JoinSet<Outcome>) -> Outcome {
    tasks.join_next().await.unwrap().unwrap()
}

async fn take(mailboxes: &Mailboxes, known: &[Uuid]) -> Option<u128> {
    let taken = mailboxes.take(NODE, &token("a"), known, HOLD).await;
    taken.map(|request| request.id.as_u128())
}

fn bring(mailboxes: &Mailboxes, id: u128, text: &str) -> Result<(), Late> {
    mailboxes.bring(NODE, Uuid::from_u128(id), answer(text))
}

/// Until all tasks wait for something: before that no time goes by.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn is_empty(mailboxes: &Mailboxes) -> bool {
    mailboxes.0.lock().is_empty()
}

#[tokio::test(start_paused = true)]
async fn a_request_is_fetched_and_its_answer_reaches_the_asker() {
    let mailboxes = Mailboxes::default();
    let asked = ask(&mailboxes, 7);
    assert_eq!(take(&mailboxes, &[]).await, Some(7));
    bring(&mailboxes, 7, "done").unwrap();
    assert_eq!(outcome(asked).await, Ok(answer("done")));
    assert_eq!(bring(&mailboxes, 7, "done"), Err(Late), "it was brought");
    assert!(is_empty(&mailboxes));
}

#[tokio::test(start_paused = true)]
async fn a_question_is_held_until_there_is_something_to_ask() {
    let mailboxes = Mailboxes::default();
    let visitor = mailboxes.clone();
    let mut visits = JoinSet::new();
    visits.spawn(async move { take(&visitor, &[]).await });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let asked = ask(&mailboxes, 7);
    assert_eq!(visits.join_next().await.unwrap().unwrap(), Some(7));
    bring(&mailboxes, 7, "done").unwrap();
    assert_eq!(outcome(asked).await, Ok(answer("done")));
    let began = Instant::now();
    assert_eq!(take(&mailboxes, &[]).await, None);
    assert_eq!(began.elapsed().as_secs(), HOLD.as_secs());
    assert!(is_empty(&mailboxes));
}

#[tokio::test(start_paused = true)]
async fn what_the_agent_does_not_name_has_not_arrived() {
    let mailboxes = Mailboxes::default();
    let (first, second) = (ask(&mailboxes, 1), ask(&mailboxes, 2));
    settle().await;
    assert_eq!(take(&mailboxes, &[]).await, Some(1));
    assert_eq!(take(&mailboxes, &[]).await, Some(1), "it got lost");
    let known = [Uuid::from_u128(1)];
    assert_eq!(take(&mailboxes, &known).await, Some(2));
    bring(&mailboxes, 2, "two").unwrap();
    bring(&mailboxes, 1, "one").unwrap();
    assert_eq!(outcome(first).await, Ok(answer("one")));
    assert_eq!(outcome(second).await, Ok(answer("two")));
}

/// The machine has started again, and its new ramdisk has a token of its own.
#[tokio::test(start_paused = true)]
async fn what_one_ramdisk_was_asked_the_next_one_is_not_given() {
    let mailboxes = Mailboxes::default();
    let asked = ask(&mailboxes, 1);
    settle().await;
    let (next, hold) = (token("b"), Duration::from_secs(1));
    assert!(mailboxes.take(NODE, &next, &[], hold).await.is_none());
    assert_eq!(outcome(asked).await, Err(Unanswered::NotFetched));
    assert!(is_empty(&mailboxes));
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_does_not_wait_for_ever_and_learns_what_was_missing() {
    let mailboxes = Mailboxes::default();
    let asked = ask(&mailboxes, 1);
    assert_eq!(outcome(asked).await, Err(Unanswered::NotFetched));
    let asked = ask(&mailboxes, 2);
    assert_eq!(take(&mailboxes, &[]).await, Some(2));
    assert_eq!(outcome(asked).await, Err(Unanswered::NotBrought));
    assert_eq!(bring(&mailboxes, 2, "done"), Err(Late));
    assert!(is_empty(&mailboxes));
}

#[tokio::test(start_paused = true)]
async fn a_request_goes_with_whoever_asked() {
    let mailboxes = Mailboxes::default();
    let mut asked = ask(&mailboxes, 1);
    assert_eq!(take(&mailboxes, &[]).await, Some(1));
    asked.shutdown().await;
    assert!(is_empty(&mailboxes));
}

#[tokio::test(start_paused = true)]
async fn clearing_ends_waits_and_questions_of_that_node_alone() {
    let mailboxes = Mailboxes::default();
    let asked = ask(&mailboxes, 1);
    let known = [Uuid::from_u128(1)];
    let (one, other) = (mailboxes.clone(), mailboxes.clone());
    let mut visits = JoinSet::new();
    visits.spawn(async move { take(&one, &known).await.is_some() });
    visits.spawn(async move {
        let token = token("a");
        other.take(OTHER, &token, &[], HOLD).await.is_some()
    });
    let began = Instant::now();
    settle().await;
    mailboxes.clear(NODE);
    assert_eq!(outcome(asked).await, Err(Unanswered::Cleared));
    assert!(!visits.join_next().await.unwrap().unwrap());
    assert_eq!(began.elapsed().as_secs(), 0);
    assert!(!visits.join_next().await.unwrap().unwrap());
    assert_eq!(began.elapsed().as_secs(), HOLD.as_secs());
    assert!(is_empty(&mailboxes));
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_has_a_limit() {
    let mailboxes = Mailboxes::default();
    let many: Vec<_> = (0..64).map(|id| ask(&mailboxes, id)).collect();
    settle().await;
    let one_more = mailboxes.ask(NODE, token("a"), request(64), LIMIT_S).await;
    assert_eq!(one_more, Err(Unanswered::Full));
    drop(many);
}
