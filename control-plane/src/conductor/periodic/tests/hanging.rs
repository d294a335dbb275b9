//! BMCs that hang, on a paused clock: how long the healthy ones wait because of them.

use super::*;
use ferric_model::ids::NodeId;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use tokio::time::Instant;

const NODES: u128 = 400;
const WIDTH: usize = 20;
const USUAL: Duration = Duration::from_millis(50);
const HANG: Duration = Duration::from_secs(30);
const SPACING: Duration = Duration::from_secs(60);

/// Asks machines of which some hang.
struct Asking {
    hangs: fn(u128) -> bool,
    usual: Duration,
    seen: Mutex<Seens>,
}

#[derive(Default)]
struct Seens {
    answers: BTreeMap<NodeId, Vec<Instant>>,
    under_way: usize,
    /// The most visits at the same time.
    most_under_way: usize,
    hanging: usize,
    /// The most that hung at the same time while patience was long.
    most_hanging: usize,
    asked_to_hang: u32,
}

#[async_trait]
impl NodePeriodic for Asking {
    fn declaration(&self, _settings: &Settings) -> Declaration {
        Declaration::new("asking", SPACING, WIDTH)
    }

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        let node = visit.node.uuid;
        let hangs = (self.hangs)(node.0.as_u128());
        {
            let mut seen = self.seen.lock();
            seen.under_way += 1;
            seen.most_under_way = seen.most_under_way.max(seen.under_way);
        }
        if hangs {
            let mut seen = self.seen.lock();
            seen.hanging += 1;
            seen.most_hanging = seen.most_hanging.max(seen.hanging);
            seen.asked_to_hang += 1;
        }
        let time = if hangs { HANG * 2 } else { self.usual };
        let answer = visit.ask(tokio::time::sleep(time)).await;
        let mut seen = self.seen.lock();
        seen.under_way -= 1;
        seen.hanging -= usize::from(hangs);
        match answer {
            Ok(()) => {
                seen.answers.entry(node).or_default().push(Instant::now());
                Ok(Visited::Acted)
            }
            Err(slow) => Ok(slow.visited()),
        }
    }
}

struct Outcome {
    /// Until each healthy node was visited once.
    first: Duration,
    /// The longest that a healthy node waited from one visit to the next.
    longest: Duration,
    most_hanging_later: usize,
    asked_to_hang_later: u32,
}

async fn run(hangs: fn(u128) -> bool, passes: u32) -> Outcome {
    run_at(USUAL, hangs, passes).await
}

async fn run_at(usual: Duration, hangs: fn(u128) -> bool, passes: u32) -> Outcome {
    let mut lab = Lab::new();
    lab.start(None).await;
    let conductor = lab.conductor();
    let first = Node::new(
        NodeId(uuid::Uuid::from_u128(1000)),
        "fake-hardware",
        conductor.now(),
    );
    let first = conductor.create_node(first).await.unwrap();
    let made = (1..NODES).fold(Transaction::new(), |made, number| {
        made.put(&Node {
            uuid: NodeId(uuid::Uuid::from_u128(1000 + number)),
            ..first.clone()
        })
    });
    lab.store.commit(made).await.unwrap();
    let job = Arc::new(Asking {
        hangs,
        usual,
        seen: Mutex::default(),
    });
    let start = Instant::now();
    let running = run_periodic(job.clone(), conductor, CancellationToken::new());
    let mut running = std::pin::pin!(running);
    // The first pass finds out who hangs.
    let timed = tokio::time::timeout(SPACING, &mut running).await;
    assert!(timed.is_err());
    {
        let mut seen = job.seen.lock();
        seen.most_hanging = seen.hanging;
        seen.asked_to_hang = 0;
    }
    let timed = tokio::time::timeout(SPACING * passes, &mut running).await;
    assert!(timed.is_err());
    let seen = job.seen.lock();
    let healthy = (0..NODES).filter(|number| !hangs(1000 + number)).count();
    assert_eq!(
        seen.answers.len(),
        healthy,
        "every healthy node was visited"
    );
    // There are always more nodes than may be visited at once.
    assert_eq!(seen.most_under_way, WIDTH, "visits at the same time");
    let longest = seen.answers.values().flat_map(|times| times.windows(2));
    Outcome {
        first: seen
            .answers
            .values()
            .map(|times| times[0].duration_since(start))
            .max()
            .unwrap(),
        longest: longest.map(|pair| pair[1] - pair[0]).max().unwrap(),
        most_hanging_later: seen.most_hanging,
        asked_to_hang_later: seen.asked_to_hang,
    }
}

#[tokio::test(start_paused = true)]
async fn one_bmc_that_hangs_delays_no_other() {
    let undisturbed = run(|_| false, 3).await;
    let ideal = USUAL * (u32::try_from(NODES).unwrap() / u32::try_from(WIDTH).unwrap());
    assert!(undisturbed.first < ideal + Duration::from_millis(100));
    let disturbed = run(|number| number == 1007, 3).await;
    assert!(
        disturbed.first <= undisturbed.first + USUAL * 2,
        "{:?}",
        disturbed.first
    );
    assert!(
        disturbed.longest <= SPACING + USUAL * 2,
        "{:?}",
        disturbed.longest
    );
}

#[tokio::test(start_paused = true)]
async fn with_a_tenth_hanging_the_healthy_are_visited_within_twice_the_time() {
    let undisturbed = run(|_| false, 3).await;
    let disturbed = run(|number| number % 10 == 3, 30).await;
    assert!(
        disturbed.first <= undisturbed.first * 2,
        "{:?} undisturbed, {:?} with a tenth hanging",
        undisturbed.first,
        disturbed.first
    );
    assert!(
        disturbed.longest <= SPACING + undisturbed.first,
        "{:?}",
        disturbed.longest
    );
    assert!(
        disturbed.most_hanging_later <= WIDTH / 10,
        "{}",
        disturbed.most_hanging_later
    );
    // 40 nodes, 30 passes: asked every time these would be 1200 questions.
    let asked = disturbed.asked_to_hang_later;
    assert!(
        (40..=150).contains(&asked),
        "{asked} questions to BMCs that hang"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rack_that_hangs_at_once_is_like_any_tenth() {
    let undisturbed = run(|_| false, 3).await;
    let disturbed = run(|number| (1100..1140).contains(&number), 3).await;
    assert!(
        disturbed.first <= undisturbed.first * 2,
        "{:?}",
        disturbed.first
    );
}

#[tokio::test(start_paused = true)]
async fn where_all_are_slow_nobody_hangs() {
    let slow = Duration::from_secs(2);
    let outcome = run_at(slow, |_| false, 3).await;
    let ideal = slow * (u32::try_from(NODES).unwrap() / u32::try_from(WIDTH).unwrap());
    assert!(
        outcome.first <= ideal * 2,
        "{:?}, ideal is {ideal:?}",
        outcome.first
    );
}
