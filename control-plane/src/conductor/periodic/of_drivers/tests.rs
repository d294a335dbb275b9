//! The example of the documentation, run by a conductor against a fake machine.

use super::await_job;
use crate::conductor::Conductor;
use crate::conductor::flows;
use crate::conductor::periodic::JobFigures;
use crate::conductor::tests::lab::Lab;
use crate::config::Settings;
use async_trait::async_trait;
use ferric_drivers::{
    Access, Answer, BmcError, DriverPeriodic, Field, Filter, InterfaceKind, PeriodicSpec,
    PeriodicVisit, PowerState as Power, Snapshot, VisitLimit,
};
use ferric_model::ids::RunId;
use ferric_model::node::Node;
use ferric_model::run::{Activity, StepPhase, Wait};
use ferric_model::state::{PowerState, ProvisionState};
use ferric_model::step::{Performer, Place, Recovery, Step, StepId};
use ferric_store::Transaction;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

#[expect(unreachable_pub, reason = "it is written as a library is")]
#[path = "../../../../../drivers/examples/periodic_job.rs"]
mod example;

fn purpose() -> &'static str {
    example::GoesOff.spec().purpose
}

/// A node in manual cleaning whose only step waits for the example's job, on a machine that is on.
async fn waiting_lab() -> Lab {
    let mut lab = Lab::new();
    lab.jobs.push(Arc::new(example::GoesOff));
    lab.machine.bmc.force_power(Power::On);
    lab.start(None).await;
    lab.enroll(&[]).await;
    let step = StepId::new("power", "power_off_by_itself");
    let outcome = await_job(
        purpose(),
        step.clone(),
        Value::Null,
        Duration::from_secs(3600),
    );
    let mut node = lab.node().await;
    let mut run = flows::run(
        RunId(uuid::Uuid::from_u128(7)),
        Activity::ManualClean,
        vec![one_step(step)],
        node.created_at,
    );
    for edit in outcome.edits {
        edit(&mut node, &mut run);
    }
    let (reason, limit) = outcome.wait.unwrap();
    run.phase = StepPhase::Started {
        attempt: 1,
        at: node.created_at,
    };
    run.wait = Some(Wait {
        reason,
        since: node.created_at,
        deadline: Some(node.created_at + limit),
    });
    node.run = Some(run);
    node.provision_state = ProvisionState::CleanWait;
    store(&lab, &node).await;
    lab
}

fn one_step(id: StepId) -> Step {
    Step {
        id,
        priority: 0,
        args: serde_json::Map::new(),
        by: Performer::Conductor,
        abortable: true,
        recovery: Recovery::RunAgain,
        requires_ramdisk: false,
        place: Place::Here,
        reboot_requested: false,
    }
}

async fn store(lab: &Lab, node: &Node) {
    lab.store
        .commit(Transaction::new().put(node))
        .await
        .unwrap();
}

async fn record(lab: &Lab) -> Option<Value> {
    lab.node().await.periodic_records.get(purpose()).cloned()
}

async fn after(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_step_ends_when_its_job_says_so() {
    let lab = waiting_lab().await;
    after(130).await;
    let looks = record(&lab).await.unwrap();
    assert!(looks == json!(2) || looks == json!(3), "{looks}");
    assert_eq!(lab.node().await.provision_state, ProvisionState::CleanWait);
    lab.machine.bmc.force_power(Power::Off);
    lab.wait_for(ProvisionState::Manageable).await;
    assert_eq!(record(&lab).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_step_fails_with_the_cause_that_its_job_gives() {
    let lab = waiting_lab().await;
    lab.wait_for_within(ProvisionState::CleanFailed, Duration::from_secs(900))
        .await;
    let error = lab.node().await.last_error.unwrap();
    assert!(error.contains("the machine did not go off"), "{error}");
    assert!(error.contains("power.power_off_by_itself"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_with_the_record() {
    let mut lab = waiting_lab().await;
    after(130).await;
    lab.kill();
    let looks = record(&lab).await.unwrap().as_u64().unwrap();
    lab.start(None).await;
    after(61).await;
    assert!(record(&lab).await.unwrap().as_u64().unwrap() > looks);
}

#[tokio::test(start_paused = true)]
async fn nodes_of_another_implementation_in_maintenance_or_without_a_wait_are_left_alone() {
    let changes: [fn(&mut Node); 3] = [
        |node| {
            node.interfaces
                .insert("power".to_owned(), "redfish".to_owned());
        },
        |node| node.maintenance = true,
        |node| {
            node.run = None;
            node.provision_state = ProvisionState::Manageable;
        },
    ];
    for change in changes {
        let lab = waiting_lab().await;
        let mut node = lab.node().await;
        change(&mut node);
        store(&lab, &node).await;
        after(200).await;
        assert_eq!(record(&lab).await, Some(Value::Null));
    }
}

#[tokio::test(start_paused = true)]
async fn settings_can_switch_a_job_of_a_driver_off() {
    let mut lab = waiting_lab().await;
    lab.kill();
    let mut settings = Settings::clone(&lab.settings);
    let intervals = &mut settings.conductor.driver_job_intervals_s;
    intervals.insert(purpose().to_owned(), 0);
    lab.settings = Arc::new(settings);
    let before = record(&lab).await;
    lab.start(None).await;
    after(300).await;
    assert_eq!(record(&lab).await, before);
}

/// Looks at what it is shown, and keeps it.
struct Looks {
    spec: PeriodicSpec,
    conductor: Mutex<Option<Conductor>>,
    held: Mutex<Vec<bool>>,
}

#[async_trait]
impl DriverPeriodic for Looks {
    fn spec(&self) -> PeriodicSpec {
        self.spec.clone()
    }

    fn wants(&self, snapshot: &Snapshot, record: &Value) -> bool {
        snapshot.get(Field::Properties)["rack"] == "7" && *record != json!("enough")
    }

    async fn visit(&self, visit: &PeriodicVisit<'_>) -> Result<Answer, BmcError> {
        let conductor = self.conductor.lock().clone().unwrap();
        let held = conductor.locks().is_held(visit.node.parse().unwrap());
        self.held.lock().push(held);
        assert_eq!(
            visit.snapshot.get(Field::DriverInfo),
            &Value::Null,
            "it was not declared"
        );
        Ok(match visit.record {
            Value::Null => Answer::Keep(visit.snapshot.get(Field::PowerState).clone()),
            _ => Answer::Keep(json!("enough")),
        })
    }
}

async fn look(access: Access, filter: Filter) -> (Vec<bool>, Option<Value>) {
    let job = Arc::new(Looks {
        spec: PeriodicSpec {
            filters: vec![filter],
            fields: vec![Field::Properties, Field::PowerState],
            access,
            ..PeriodicSpec::new("looking", InterfaceKind::Management, "fake")
        },
        conductor: Mutex::default(),
        held: Mutex::default(),
    });
    let mut lab = Lab::new();
    lab.jobs.push(job.clone());
    lab.start(None).await;
    *job.conductor.lock() = Some(lab.conductor());
    lab.enroll(&[]).await;
    let mut node = lab.node().await;
    node.properties.insert("rack".to_owned(), json!("7"));
    node.power_state = Some(PowerState::Off);
    store(&lab, &node).await;
    after(400).await;
    let held = job.held.lock().clone();
    (
        held,
        lab.node().await.periodic_records.get("looking").cloned(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_job_sees_what_it_declared_and_holds_the_node_where_it_wants_to() {
    let off = Filter::Equals(Field::PowerState, json!("power off"));
    let enough = Some(json!("enough"));
    let looks = look(Access::Shared, off.clone()).await;
    assert_eq!(looks, (vec![false, false], enough.clone()));
    assert_eq!(
        look(Access::Exclusive, off).await,
        (vec![true, true], enough)
    );
    let on = Filter::Equals(Field::PowerState, json!("power on"));
    assert_eq!(look(Access::Shared, on).await, (vec![], None));
    assert_eq!(
        look(Access::Shared, Filter::HasRecord).await,
        (vec![], None)
    );
}

/// Has something to store at every visit.
struct Counts(PeriodicSpec);

#[async_trait]
impl DriverPeriodic for Counts {
    fn spec(&self) -> PeriodicSpec {
        self.0.clone()
    }

    async fn visit(&self, visit: &PeriodicVisit<'_>) -> Result<Answer, BmcError> {
        let visits = visit.record.as_u64().unwrap_or(0);
        Ok(Answer::Keep(json!(visits + 1)))
    }
}

/// What some passes over eight nodes came to: how many passes these were, and the figures; `None`: there were none.
async fn count(edit: impl FnOnce(&mut PeriodicSpec)) -> Option<(u64, JobFigures)> {
    let mut spec = PeriodicSpec::new("counting", InterfaceKind::Management, "fake");
    edit(&mut spec);
    let mut lab = Lab::new();
    lab.jobs.push(Arc::new(Counts(spec)));
    lab.start(None).await;
    lab.enroll(&[]).await;
    for number in 10..17 {
        lab.child(number).await;
    }
    let figures = || lab.conductor().periodic_figures().get("counting").copied();
    after(30).await;
    let before = figures().unwrap_or_default();
    after(180).await;
    let figures = figures()?;
    let (passes, acted) = (figures.passes - before.passes, figures.acted - before.acted);
    Some((passes, JobFigures { acted, ..figures }))
}

#[tokio::test(start_paused = true)]
async fn a_job_acts_on_as_many_nodes_as_its_limit_says_and_names_its_gauge() {
    for (limit, in_a_pass) in [
        (VisitLimit::None, 8),
        (VisitLimit::Nodes(3), 3),
        (VisitLimit::Of(|found| found / 4), 2),
    ] {
        let metric = Some("counted_nodes");
        let counted = count(|spec| (spec.limit, spec.node_count_metric) = (limit, metric)).await;
        let (passes, figures) = counted.unwrap();
        assert_eq!((passes, figures.nodes), (3, 8), "{limit:?}");
        assert_eq!(figures.acted, passes * in_a_pass, "{limit:?}");
        assert_eq!(figures.node_count_metric, metric);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_its_driver_has_disabled_never_runs() {
    assert!(count(|_| {}).await.is_some());
    let counted = count(|spec| spec.enabled = false).await;
    assert!(counted.is_none(), "{counted:?}");
}
