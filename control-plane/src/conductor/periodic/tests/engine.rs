//! The engine with jobs made for it.

use super::*;
use crate::conductor::requests::RequestError;
use crate::conductor::walk::OUTLINES;
use ferric_model::ids::NodeId;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Counts its visits and says what it is told to.
struct Counting {
    answer: Visited,
    limit: Limit,
    access: Access,
    visited: Mutex<Vec<NodeId>>,
}

impl Counting {
    fn new(answer: Visited) -> Self {
        Self {
            answer,
            limit: Limit::None,
            access: Access::Shared,
            visited: Mutex::new(Vec::new()),
        }
    }
}

#[async_trait]
impl NodePeriodic for Counting {
    fn declaration(&self, _settings: &Settings) -> Declaration {
        let driver = FieldValue::Text("fake-hardware".to_owned());
        Declaration {
            filters: vec![("driver", vec![driver])],
            extra_fields: &["maintenance", "power_sync_failures"],
            limit: self.limit,
            access: self.access,
            node_count_metric: Some("counted_nodes"),
            ..Declaration::new("counting", Duration::from_secs(1), 8)
        }
    }

    fn predicate(&self, seen: &Seen<'_>, _now: Timestamp) -> bool {
        seen.field("maintenance") == &FieldValue::Bool(false)
    }

    fn urgency(&self, seen: &Seen<'_>) -> i64 {
        seen.integer("power_sync_failures").unwrap_or(0)
    }

    async fn visit(&self, mut visit: Visit<'_>) -> Result<Visited, TaskError> {
        let exclusive = self.access == Access::Exclusive;
        let held = visit.conductor.locks().is_held(visit.node.uuid);
        assert_eq!(held, exclusive);
        if let Some(task) = visit.lock().await? {
            self.visited.lock().push(task.id());
        }
        Ok(self.answer)
    }
}

fn id(number: u128) -> NodeId {
    NodeId(uuid::Uuid::from_u128(number))
}

async fn create(
    conductor: &Conductor,
    number: u128,
    edit: fn(&mut Node),
) -> Result<(), RequestError> {
    let mut node = Node::new(id(number), "fake-hardware", conductor.now());
    edit(&mut node);
    conductor.create_node(node).await.map(drop)
}

/// One pass, and all of its visits.
async fn one_pass(job: Arc<dyn NodePeriodic>, conductor: &Conductor) -> JobFigures {
    one_pass_with(job, conductor, async {}).await
}

/// The same, where something happens after the look at the index and before the first visit.
async fn one_pass_with(
    job: Arc<dyn NodePeriodic>,
    conductor: &Conductor,
    between: impl Future<Output = ()>,
) -> JobFigures {
    let declaration = job.declaration(conductor.settings());
    let purpose = declaration.purpose;
    let mut running = Running::new(job, conductor.clone(), declaration);
    running.begin_pass().await;
    between.await;
    running.start_some();
    while !running.schedule.is_idle() {
        running.one_ended().await;
        running.start_some();
    }
    conductor.periodic_figures()[purpose]
}

/// Six nodes, of which the first is held, the second in maintenance, and the last has failed before; a seventh is
/// somebody else's.
async fn seven_nodes() -> (Lab, crate::conductor::locks::NodeLock) {
    let mut lab = Lab::new();
    lab.start(None).await;
    let conductor = lab.conductor();
    for number in 10..17 {
        create(&conductor, number, |node| {
            let number = node.uuid.0.as_u128();
            node.maintenance = number == 11;
            node.power_sync_failures = u32::from(number == 15);
        })
        .await
        .unwrap();
    }
    let key = ferric_store::Key::new(Table::Node, id(16));
    let mut other: Node = lab
        .store
        .get(&key)
        .await
        .unwrap()
        .unwrap()
        .decode()
        .unwrap();
    other.ownership.as_mut().unwrap().conductor = "another".to_owned();
    store(&lab, &other).await;
    let held = conductor.locks().acquire(id(10), "something else").unwrap();
    (lab, held)
}

#[tokio::test(start_paused = true)]
async fn held_unwanted_and_foreign_nodes_are_skipped_and_the_urgent_come_first() {
    let (lab, _held) = seven_nodes().await;
    let job = Arc::new(Counting::new(Visited::Nothing));
    let figures = one_pass(job.clone(), &lab.conductor()).await;
    assert_eq!((figures.nodes, figures.passes), (5, 1));
    assert_eq!(figures.node_count_metric, Some("counted_nodes"));
    assert_eq!(figures.acted, 0);
    let mut visited = job.visited.lock().clone();
    assert_eq!(visited[0], id(15));
    visited.sort_unstable();
    assert_eq!(visited, [12, 13, 14, 15].map(id));
}

#[tokio::test(start_paused = true)]
async fn limits_count_what_did_something_and_stop_ends_the_pass() {
    let (lab, _held) = seven_nodes().await;
    let conductor = lab.conductor();
    for (answer, limit, expected) in [
        (Visited::Acted, Limit::Nodes(2), 2..=2),
        (Visited::Acted, Limit::Of(|_| 3), 3..=3),
        (Visited::Nothing, Limit::Nodes(2), 4..=4),
        // Those that have begun already end as they would.
        (Visited::Stop, Limit::Nodes(1), 1..=1),
    ] {
        let job = Arc::new(Counting {
            limit,
            ..Counting::new(answer)
        });
        one_pass(job.clone(), &conductor).await;
        let visits = job.visited.lock().len();
        assert!(expected.contains(&visits), "{answer:?}: {visits}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_with_exclusive_access_holds_its_node() {
    let (lab, _held) = seven_nodes().await;
    let job = Arc::new(Counting {
        access: Access::Exclusive,
        ..Counting::new(Visited::Acted)
    });
    let figures = one_pass(job.clone(), &lab.conductor()).await;
    assert_eq!((job.visited.lock().len(), figures.acted), (4, 4));
    assert!(!lab.conductor().locks().is_held(id(12)));
}

/// Deletes one of its nodes once it is at it, and before it asks for its lock.
struct Deleting {
    access: Access,
    visited: Mutex<Vec<NodeId>>,
}

#[async_trait]
impl NodePeriodic for Deleting {
    fn declaration(&self, _settings: &Settings) -> Declaration {
        Declaration {
            access: self.access,
            ..Declaration::new("deleting", Duration::from_secs(1), 8)
        }
    }

    async fn visit(&self, mut visit: Visit<'_>) -> Result<Visited, TaskError> {
        let node = visit.node.uuid;
        self.visited.lock().push(node);
        if self.access == Access::Shared && node == id(11) {
            visit.conductor.destroy_node(node).await.unwrap();
        }
        let task = visit.lock().await?;
        Ok(task.map_or(Visited::Nothing, |_| Visited::Acted))
    }
}

/// Counts what visits complain of.
#[derive(Clone, Default)]
struct Complaints(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Complaints {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let about = event.metadata();
        if about.target().ends_with("periodic::visit") && *about.level() <= tracing::Level::WARN {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_deleted_meanwhile_is_skipped_without_a_word() {
    let complaints = Complaints::default();
    let listener = tracing_subscriber::registry().with(complaints.clone());
    let _listening = tracing::subscriber::set_default(listener);
    for (access, acted) in [(Access::Shared, 1), (Access::Exclusive, 2)] {
        let mut lab = Lab::new();
        lab.start(None).await;
        let conductor = lab.conductor();
        for number in 10..13 {
            create(&conductor, number, |_| {}).await.unwrap();
        }
        let job = Arc::new(Deleting {
            access,
            visited: Mutex::default(),
        });
        let deleting = async { conductor.destroy_node(id(10)).await.unwrap() };
        let figures = one_pass_with(job.clone(), &conductor, deleting).await;
        let mut visited = job.visited.lock().clone();
        visited.sort_unstable();
        assert_eq!(visited, [11, 12].map(id), "{access:?}");
        let came_to = (figures.nodes, figures.visits, figures.acted);
        assert_eq!(came_to, (3, 3, acted), "{access:?}");
        assert_eq!(complaints.0.load(Ordering::SeqCst), 0, "{access:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pass_over_many_nodes_reads_the_index_in_pages_and_no_document_that_nobody_visits() {
    let mut lab = Lab::new();
    let store = lab.start(None).await;
    let conductor = lab.conductor();
    create(&conductor, 10, |node| node.maintenance = true)
        .await
        .unwrap();
    let key = ferric_store::Key::new(Table::Node, id(10));
    let first: Node = lab
        .store
        .get(&key)
        .await
        .unwrap()
        .unwrap()
        .decode()
        .unwrap();
    let many = 2 * OUTLINES + 3;
    let made = (1..many).fold(Transaction::new(), |made, number| {
        made.put(&Node {
            uuid: id(10 + number as u128),
            ..first.clone()
        })
    });
    lab.store.commit(made).await.unwrap();
    store.gets.store(0, Ordering::SeqCst);
    let job = Arc::new(Counting::new(Visited::Nothing));
    let declaration = job.declaration(conductor.settings());
    let running = Running::new(job.clone(), conductor.clone(), declaration);
    assert_eq!(running.candidates().await.unwrap().len(), 0);
    assert_eq!(store.largest_outlines.load(Ordering::SeqCst), OUTLINES);
    assert_eq!(store.gets.load(Ordering::SeqCst), 0);
    create(&conductor, 5, |_| {}).await.unwrap();
    let gets = store.gets.load(Ordering::SeqCst);
    let figures = one_pass(job, &conductor).await;
    assert_eq!(figures.nodes, 1);
    assert!(store.gets.load(Ordering::SeqCst) <= gets + 2);
}

/// Takes ten passes for the first node, panics at the second and does nothing for the others.
struct OneIsSlow(Mutex<u32>);

#[async_trait]
impl NodePeriodic for OneIsSlow {
    fn declaration(&self, _settings: &Settings) -> Declaration {
        Declaration::new("waiting", Duration::from_secs(1), 8)
    }

    async fn visit(&self, visit: Visit<'_>) -> Result<Visited, TaskError> {
        match visit.node.uuid.0.as_u128() {
            10 => tokio::time::sleep(Duration::from_secs(10)).await,
            11 => panic!("a fault of the job"),
            _ => *self.0.lock() += 1,
        }
        Ok(Visited::Acted)
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_node_and_a_panic_delay_no_other() {
    let mut lab = Lab::new();
    lab.start(None).await;
    let conductor = lab.conductor();
    for number in 10..13 {
        create(&conductor, number, |_| {}).await.unwrap();
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

/// Not to be run.
struct Disabled(bool, Duration);

#[async_trait]
impl NodePeriodic for Disabled {
    fn declaration(&self, _settings: &Settings) -> Declaration {
        Declaration {
            enabled: self.0,
            ..Declaration::new("nothing", self.1, 8)
        }
    }

    async fn visit(&self, _visit: Visit<'_>) -> Result<Visited, TaskError> {
        Ok(Visited::Acted)
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_disabled_or_has_no_spacing_never_runs() {
    let mut lab = Lab::new();
    lab.start(None).await;
    for (enabled, spacing) in [(false, 1), (true, 0)] {
        let job = Arc::new(Disabled(enabled, Duration::from_secs(spacing)));
        let running = run_periodic(job, lab.conductor(), CancellationToken::new());
        let ended = tokio::time::timeout(Duration::from_secs(60), running).await;
        assert!(ended.is_err());
        assert!(!lab.conductor().periodic_figures().contains_key("nothing"));
    }
}
