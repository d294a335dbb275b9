//! What somebody who follows the stream of events is told of a machine's life.

use super::agent::Plan;
use super::lab::Lab;
use crate::api::{Gate, operator_router};
use crate::auth::Authenticator;
use crate::config::auth::Rbac;
use axum::body::Body;
use ferric_drivers::{FakeFault, PowerAction};
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use futures_util::StreamExt;
use http::{Request, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const SOON: Duration = Duration::from_secs(120);

struct Follower {
    told: Arc<Mutex<Vec<Value>>>,
    _reading: JoinSet<()>,
}

impl Follower {
    /// Of all that happens from now on.
    async fn new(lab: &Lab) -> Self {
        let gate = Gate::new(Authenticator::nobody(), Rbac::default());
        let stop = CancellationToken::new();
        let router = operator_router(lab.conductor(), Some("http://api"), stop, gate);
        let request = Request::get("/ferric/v1/events").header("Accept", "text/event-stream");
        let request = request.body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let mut chunks = response.into_body().into_data_stream();
        let told = Arc::<Mutex<Vec<Value>>>::default();
        let (heard, mut reading) = (told.clone(), JoinSet::new());
        reading.spawn(async move {
            while let Some(chunk) = chunks.next().await {
                let chunk = String::from_utf8(chunk.unwrap().to_vec()).unwrap();
                let data = chunk.lines().find_map(|line| line.strip_prefix("data:"));
                if let Some(data) = data {
                    heard.lock().push(serde_json::from_str(data).unwrap());
                }
            }
        });
        Self {
            told,
            _reading: reading,
        }
    }

    /// Waits for the first event of a kind that fits.
    async fn hears(&self, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let told = self.told.lock().clone();
            let found = |event: &&Value| event["event"] == kind && fits(event);
            if let Some(event) = told.iter().find(found) {
                return event.clone();
            }
            assert!(start.elapsed() < SOON, "no {kind} in {told:#?}");
            sleep(Duration::from_millis(250)).await;
        }
    }
}

async fn set_power(lab: &Lab, action: PowerAction) {
    let (conductor, id) = (lab.conductor(), lab.machine.node);
    conductor.set_power(id, action, None).await.unwrap();
    lab.wait_until("the end of the action", SOON, |node| {
        node.target_power_state.is_none()
    })
    .await;
}

fn names(text: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event.to_string().contains(text)
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_event_is_told_as_it_happens() {
    let mut lab = Lab::new();
    lab.start(None).await;
    let follower = Follower::new(&lab).await;
    lab.enroll_real().await;
    lab.go(Verb::Manage, State::Manageable).await;
    lab.go(Verb::Inspect, State::Manageable).await;
    lab.go(Verb::Provide, State::Available).await;
    lab.go(Verb::Deploy, State::Active).await;
    lab.machine.ask_for_boot_script();
    follower.hears("boot_request", names("boot script")).await;
    set_power(&lab, PowerAction::Off).await;
    let fault = FakeFault::Broken("the fuse is blown".to_owned());
    lab.machine.bmc.fail_next([fault]);
    set_power(&lab, PowerAction::On).await;
    lab.plan(Plan {
        failing: Some(("write_image", "no space left on device")),
        ..Plan::default()
    });
    lab.go(Verb::Rebuild, State::DeployFailed).await;

    let any = |_: &Value| true;
    let writes = |event: &Value| event["step"]["step"] == "write_image";
    for kind in [
        "enrolled",
        "power_changed",
        "lookup",
        "heartbeat",
        "inspected",
    ] {
        follower.hears(kind, any).await;
    }
    let moved = follower.hears("state_changed", |event| event["to"] == "deploying");
    assert_eq!(moved.await["cause"], "deploy");
    follower.hears("step_started", writes).await;
    follower.hears("step_done", writes).await;
    follower.hears("step_failed", names("no space left")).await;
    follower
        .hears("bmc_error", names("the fuse is blown"))
        .await;
    let mark = follower.hears("progress", |event| event["sequence"].is_u64());
    let mark = mark.await;
    assert_eq!(mark["bytes_total"], 1_000_000);
    assert_eq!(mark["phase"], "writing");
    assert_eq!(mark["node"], lab.machine.node.to_string());
    let between = follower.hears("progress", |event| event["live"] == true);
    assert!(between.await["bytes_done"].as_u64().unwrap() > 0);

    let told = follower.told.lock().clone();
    let stored: Vec<u64> = told
        .iter()
        .filter_map(|event| event["sequence"].as_u64())
        .collect();
    assert!(stored.is_sorted_by(|one, next| one < next), "{stored:?}");
}
