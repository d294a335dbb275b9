//! The time-outs of waits, each from its own setting; none where it is zero.

use super::agent::Plan;
use super::lab::Lab;
use super::{rescue, service};
use crate::conductor::requests::ProvisionRequest;
use crate::config::Conductor as Settings;
use ferric_model::state::ProvisionState as State;
use ferric_model::verb::Verb;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Where a node starts, what is asked of it, what it then waits in, and where a silent machine leads to.
struct Case {
    start: State,
    request: fn() -> ProvisionRequest,
    waits: State,
    fails: State,
    set: fn(&mut Settings, u64),
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            start: State::Available,
            request: || ProvisionRequest::new(Verb::Deploy),
            waits: State::DeployWait,
            fails: State::DeployFailed,
            set: |settings, limit| settings.deploy_callback_timeout_s = limit,
        },
        Case {
            start: State::Manageable,
            request: || ProvisionRequest::new(Verb::Provide),
            waits: State::CleanWait,
            fails: State::CleanFailed,
            set: |settings, limit| settings.clean_callback_timeout_s = limit,
        },
        Case {
            start: State::Manageable,
            request: || ProvisionRequest::new(Verb::Inspect),
            waits: State::InspectWait,
            fails: State::InspectFailed,
            set: |settings, limit| settings.inspect_callback_timeout_s = limit,
        },
        Case {
            start: State::Active,
            request: rescue::request,
            waits: State::RescueWait,
            fails: State::RescueFailed,
            set: |settings, limit| settings.rescue_callback_timeout_s = limit,
        },
        Case {
            start: State::Active,
            request: || service::request(&["reset"]),
            waits: State::ServiceWait,
            fails: State::ServiceFailed,
            set: |settings, limit| settings.service_callback_timeout_s = limit,
        },
    ]
}

/// Only the case's own setting is another one than the default.
async fn waiting(case: &Case, limit: u64) -> Lab {
    let mut lab = Lab::new();
    lab.configure(|settings| (case.set)(&mut settings.conductor, limit));
    lab.start(None).await;
    lab.enroll_real().await;
    lab.edit(|node| node.provision_state = case.start).await;
    lab.plan(Plan {
        broken: true,
        ..Plan::default()
    });
    lab.try_to((case.request)()).await.unwrap();
    lab.wait_for(case.waits).await;
    lab
}

#[tokio::test(start_paused = true)]
async fn each_wait_ends_when_its_own_setting_says_so() {
    for case in cases() {
        let lab = waiting(&case, 77).await;
        let start = Instant::now();
        lab.wait_for(case.fails).await;
        let took = start.elapsed().as_secs();
        assert!((70..=90).contains(&took), "{}: {took} s", case.waits);
        let error = lab.node().await.last_error.unwrap();
        assert!(error.contains("timed out"), "{}: {error}", case.waits);
    }
}

#[tokio::test(start_paused = true)]
async fn zero_is_no_time_out() {
    for case in cases() {
        let lab = waiting(&case, 0).await;
        let wait = lab.node().await.run.unwrap().wait.unwrap();
        assert_eq!(wait.deadline, None, "{}", case.waits);
        sleep(Duration::from_secs(6000)).await;
        assert_eq!(lab.node().await.provision_state, case.waits);
    }
}

#[tokio::test(start_paused = true)]
async fn a_boot_loader_may_take_as_long_as_the_programs_of_an_image_have() {
    let mut lab = Lab::new();
    lab.start(None).await;
    lab.enroll_available().await;
    lab.plan(Plan {
        loading: Duration::from_secs(570),
        ..Plan::default()
    });
    lab.ask(Verb::Deploy).await;
    lab.wait_for_within(State::Active, Duration::from_secs(3600))
        .await;
}
