//! Jobs against a conductor with a fake machine.

use super::*;
use crate::conductor::tests::lab::Lab;
use crate::conductor::walk::PAGE;
use ferric_drivers::{FakeFault, PowerState as Power};
use ferric_model::state::PowerState;
use parking_lot::Mutex;

async fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    lab
}

/// Lets every job come to its turn.
async fn after(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn the_stored_power_state_is_restored() {
    let lab = lab().await;
    after(130).await;
    assert_eq!(lab.node().await.power_state, Some(PowerState::Off));
    lab.machine.bmc.force_power(Power::On);
    after(130).await;
    assert_eq!(lab.machine.bmc.power(), Power::Off);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_must_not_be_switched_off_is_believed() {
    let lab = lab().await;
    after(130).await;
    let mut node = lab.node().await;
    node.disable_power_off = true;
    lab.store
        .commit(ferric_store::Transaction::new().put(&node))
        .await
        .unwrap();
    lab.machine.bmc.force_power(Power::On);
    after(130).await;
    assert_eq!(
        (lab.node().await.power_state, lab.machine.bmc.power()),
        (Some(PowerState::On), Power::On)
    );
}

#[tokio::test(start_paused = true)]
async fn a_bmc_that_stops_answering_means_maintenance_until_it_answers() {
    let lab = lab().await;
    lab.machine
        .bmc
        .fail_next(std::iter::repeat_n(FakeFault::NoAnswer, 4));
    after(400).await;
    let node = lab.node().await;
    assert_eq!(
        (node.maintenance, node.fault.as_deref()),
        (true, Some("power failure"))
    );
    assert!(
        node.maintenance_reason
            .unwrap()
            .contains("3 times in a row")
    );
    after(700).await;
    let node = lab.node().await;
    assert_eq!(
        (node.maintenance, node.fault, node.power_state),
        (false, None, Some(PowerState::Off))
    );
}

/// Counts its visits and says what it is told to.
struct Counting {
    answer: Visited,
    visits: Mutex<u32>,
}

#[async_trait]
impl NodePeriodic for Counting {
    fn declaration(&self, _settings: &Settings) -> Declaration {
        let filters = vec![("driver", FieldValue::Text("fake-hardware".to_owned()))];
        Declaration {
            purpose: "counting",
            spacing: Duration::from_secs(1),
            filters,
            limit: Some(2),
            width: 8,
        }
    }

    fn wants(&self, node: &Node, _now: Timestamp) -> bool {
        !node.maintenance
    }

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        if let Some(task) = visit.lock().await? {
            *self.visits.lock() += 1;
            drop(task);
        }
        Ok(self.answer)
    }
}

/// One pass over six nodes, of which the first is held and the second is in maintenance. Answers how many were seen, and
/// how many were visited.
async fn one_pass(answer: Visited) -> (usize, u32) {
    let mut lab = Lab::new();
    lab.start(None).await;
    let conductor = lab.conductor();
    let mut ids = Vec::new();
    for number in 0..6_u128 {
        let id = ferric_model::ids::NodeId(uuid::Uuid::from_u128(number + 10));
        let mut node = Node::new(id, "fake-hardware", conductor.now());
        node.maintenance = number == 1;
        conductor.create_node(node).await.unwrap();
        ids.push(id);
    }
    let _held = conductor.locks().acquire(ids[0], "something else").unwrap();
    let counting = Arc::new(Counting {
        answer,
        visits: Mutex::new(0),
    });
    let job: Arc<dyn NodePeriodic> = counting.clone();
    let declaration = job.declaration(conductor.settings());
    let mut visiting = Visits::new(declaration.width);
    let seen = pass(&job, &conductor, &declaration, &mut visiting)
        .await
        .unwrap();
    while !visiting.is_empty() {
        visiting.one_ended().await;
    }
    let visits = *counting.visits.lock();
    (seen, visits)
}

#[tokio::test(start_paused = true)]
async fn held_and_unwanted_nodes_are_skipped_and_limits_hold() {
    assert_eq!(one_pass(Visited::Nothing).await, (5, 4));
    let (_, visits) = one_pass(Visited::Acted).await;
    assert!((1..=2).contains(&visits), "{visits}");
    let (_, visits) = one_pass(Visited::Stop).await;
    assert!(visits < 4, "{visits}");
}

#[tokio::test(start_paused = true)]
async fn many_nodes_are_read_a_page_at_a_time() {
    let mut lab = Lab::new();
    let store = lab.start(None).await;
    let conductor = lab.conductor();
    let first = ferric_model::ids::NodeId(uuid::Uuid::from_u128(10));
    let first = Node::new(first, "fake-hardware", conductor.now());
    let first = conductor.create_node(first).await.unwrap();
    let many = 2 * PAGE + 3;
    let made = (1..many).fold(ferric_store::Transaction::new(), |made, number| {
        let uuid = ferric_model::ids::NodeId(uuid::Uuid::from_u128(10 + number as u128));
        made.put(&Node {
            uuid,
            ..first.clone()
        })
    });
    lab.store.commit(made).await.unwrap();
    let counting = Arc::new(Counting {
        answer: Visited::Nothing,
        visits: Mutex::new(0),
    });
    let job: Arc<dyn NodePeriodic> = counting.clone();
    let declaration = job.declaration(conductor.settings());
    let mut visiting = Visits::new(declaration.width);
    let seen = pass(&job, &conductor, &declaration, &mut visiting).await;
    assert_eq!(seen.unwrap(), many);
    let largest = store.largest_page.load(std::sync::atomic::Ordering::SeqCst);
    assert!(largest <= PAGE, "{largest} records at once");
}

/// Takes ten passes for the first node and nothing for the others.
struct OneIsSlow(Mutex<u32>);

#[async_trait]
impl NodePeriodic for OneIsSlow {
    fn declaration(&self, _settings: &Settings) -> Declaration {
        Declaration {
            purpose: "waiting",
            spacing: Duration::from_secs(1),
            filters: Vec::new(),
            limit: None,
            width: 8,
        }
    }

    fn wants(&self, _node: &Node, _now: Timestamp) -> bool {
        true
    }

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        if visit.node.uuid.0.as_u128() == 10 {
            tokio::time::sleep(Duration::from_secs(10)).await;
        } else {
            *self.0.lock() += 1;
        }
        Ok(Visited::Acted)
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_node_delays_no_other() {
    let mut lab = Lab::new();
    lab.start(None).await;
    let conductor = lab.conductor();
    for number in [10, 11] {
        let id = ferric_model::ids::NodeId(uuid::Uuid::from_u128(number));
        conductor
            .create_node(Node::new(id, "fake-hardware", conductor.now()))
            .await
            .unwrap();
    }
    let job = Arc::new(OneIsSlow(Mutex::new(0)));
    let stop = CancellationToken::new();
    let running = run_periodic(job.clone(), conductor, stop.clone());
    assert!(
        tokio::time::timeout(Duration::from_millis(5500), running)
            .await
            .is_err()
    );
    assert_eq!(*job.0.lock(), 6);
}
