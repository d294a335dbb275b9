//! What is repeated and what is not, what a bad answer is called, and which machine is meant.

use std::time::Duration;

use serde_json::{Value, json};

use super::fake_bmc::FakeBmc;
use super::oddities::{Fault, Oddities};
use super::{connect, drivers, info, machine, quick, with};
use crate::{BmcError, PowerAction, PowerState, Settings};

const SYSTEM: &str = "GET /redfish/v1/Systems/1";
const RESET: &str = "POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset";

fn with_faults(faults: Vec<Fault>) -> Oddities {
    Oddities {
        faults,
        ..Oddities::default()
    }
}

#[tokio::test]
async fn reading_is_repeated_while_the_failure_is_transient() {
    for status in [408, 429, 500, 502, 503, 504] {
        let (bmc, hardware) = machine(with_faults(vec![Fault::new(SYSTEM, 2, status)])).await;
        assert_eq!(
            hardware.power.get().await.unwrap(),
            Some(PowerState::Off),
            "{status}"
        );
        assert_eq!(bmc.count(SYSTEM), 3, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    for status in [400, 404, 405, 410, 501] {
        let (bmc, hardware) = machine(with_faults(vec![Fault::new(
            "GET /redfish/v1/Systems/",
            9,
            status,
        )]))
        .await;
        hardware.power.get().await.unwrap_err();
        // A system that is gone (404) is looked for once more.
        assert_eq!(
            bmc.count("GET /redfish/v1/Systems/"),
            if status == 404 { 2 } else { 1 },
            "{status}"
        );
    }
}

#[tokio::test]
async fn attempts_are_bounded_and_the_last_failure_is_told() {
    let fault = Fault {
        body: "<html>Out of\n memory</html>".to_owned(),
        ..Fault::new(SYSTEM, 99, 500)
    };
    let (bmc, hardware) = machine(with_faults(vec![fault])).await;
    let error = hardware.power.get().await.unwrap_err();
    let sentence = format!(
        "BMC {} answered GET /redfish/v1/Systems/1 with 500: <html>Out of memory</html>",
        bmc.url()
    );
    assert_eq!(error.to_string(), sentence);
    assert!(error.is_transient());
    assert_eq!(bmc.count(SYSTEM), quick().attempts as usize);
}

#[tokio::test]
async fn the_bmc_says_when_to_come_back() {
    let later = Fault {
        headers: &[("retry-after", "1")],
        ..Fault::new(SYSTEM, 1, 503)
    };
    let bmc = FakeBmc::start(with_faults(vec![later])).await;
    let settings = Settings {
        longest_backoff: Duration::from_secs(2),
        ..quick()
    };
    let start = tokio::time::Instant::now();
    connect(&drivers(settings), &info(&bmc))
        .power
        .get()
        .await
        .unwrap();
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn an_action_is_sent_again_only_if_it_was_not_done() {
    // 503: the BMC did nothing. 500, and no answer at all: nobody knows, so the machine's state is watched.
    let late = Fault::slow(RESET, 1, Duration::from_secs(30));
    let cases = [
        (Fault::new(RESET, 1, 503), 2, true),
        (Fault::new(RESET, 1, 500), 1, false),
        (late, 1, false),
        (
            Fault {
                answers_late: true,
                ..Fault::slow(RESET, 1, Duration::from_secs(30))
            },
            1,
            true,
        ),
    ];
    for (fault, sent, succeeds) in cases {
        let bmc = FakeBmc::start(with_faults(vec![fault.clone()])).await;
        let settings = Settings {
            read_timeout: Duration::from_millis(100),
            ..quick()
        };
        let hardware = connect(&drivers(settings), &info(&bmc));
        let outcome = hardware
            .power
            .set(PowerAction::On, Some(Duration::from_millis(300)))
            .await;
        assert_eq!(outcome.is_ok(), succeeds, "{fault:?}: {outcome:?}");
        assert_eq!(bmc.count(RESET), sent, "{fault:?}");
    }
}

#[tokio::test]
async fn a_slow_answer_is_bounded_and_reading_tries_again() {
    let bmc = FakeBmc::start(with_faults(vec![Fault::slow(
        SYSTEM,
        1,
        Duration::from_secs(30),
    )]))
    .await;
    let settings = Settings {
        read_timeout: Duration::from_millis(100),
        ..quick()
    };
    assert_eq!(
        connect(&drivers(settings), &info(&bmc))
            .power
            .get()
            .await
            .unwrap(),
        Some(PowerState::Off)
    );
}

#[tokio::test]
async fn a_whole_call_is_bounded() {
    let bmc = FakeBmc::start(with_faults(vec![Fault::slow(
        "GET",
        99,
        Duration::from_secs(30),
    )]))
    .await;
    let settings = Settings {
        call_timeout: Duration::from_millis(200),
        ..quick()
    };
    let start = tokio::time::Instant::now();
    let error = connect(&drivers(settings), &info(&bmc))
        .power
        .get()
        .await
        .unwrap_err();
    assert!(matches!(error, BmcError::NoAnswer { .. }), "{error:?}");
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn nobody_listening_is_a_connection_problem() {
    let bmc = FakeBmc::start(Oddities::default()).await;
    let info = info(&bmc);
    drop(bmc);
    let error = connect(&drivers(quick()), &info)
        .power
        .get()
        .await
        .unwrap_err();
    assert!(
        matches!(error, BmcError::Connect { .. }) && error.is_transient(),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_bad_answer_is_named() {
    let html = Fault {
        body: "<html>".to_owned(),
        ..Fault::new(SYSTEM, 9, 200)
    };
    let list = Fault {
        body: "[]".to_owned(),
        ..Fault::new(SYSTEM, 9, 200)
    };
    let long = Fault {
        body: "x".repeat(5 << 20),
        ..Fault::new(SYSTEM, 9, 200)
    };
    for (fault, problem) in [
        (html, "not a JSON object"),
        (list, "not a JSON object"),
        (long, "too long"),
    ] {
        let (_bmc, hardware) = machine(with_faults(vec![fault])).await;
        let error = hardware.power.get().await.unwrap_err();
        assert!(
            matches!(error, BmcError::Answer { .. }) && error.to_string().contains(problem),
            "{error}"
        );
    }
    let forbidden = Fault {
        body: json!({"error": {"message": "No."}}).to_string(),
        ..Fault::new(SYSTEM, 9, 403)
    };
    let (_bmc, hardware) = machine(with_faults(vec![forbidden])).await;
    let error = hardware.power.get().await.unwrap_err();
    assert!(error.to_string().contains("(403: No.)"), "{error}");
}

#[tokio::test]
async fn a_redirect_is_followed_at_the_same_address_only() {
    let here = Fault {
        headers: &[("location", "/redfish/v1/Systems/1")],
        ..Fault::new("GET /redfish/v1/Systems/old", 1, 308)
    };
    let bmc = FakeBmc::start(with_faults(vec![here])).await;
    let old = with(info(&bmc), "redfish_system_id", json!("old"));
    assert_eq!(
        connect(&drivers(quick()), &old).power.get().await.unwrap(),
        Some(PowerState::Off)
    );

    let elsewhere = Fault {
        headers: &[("location", "https://192.0.2.1/")],
        ..Fault::new(SYSTEM, 1, 301)
    };
    let (_bmc, hardware) = machine(with_faults(vec![elsewhere])).await;
    let error = hardware.power.get().await.unwrap_err();
    assert!(
        error.to_string().ends_with(
            "it redirects to https://192.0.2.1/: use that in redfish_address of driver_info"
        ),
        "{error}"
    );
}

#[tokio::test]
async fn credentials_do_not_follow_a_link_to_another_address() {
    let (bmc, hardware) = machine(Oddities {
        systems: vec!["http://192.0.2.1/redfish/v1/Systems/1"],
        ..Oddities::default()
    })
    .await;
    let error = hardware.power.get().await.unwrap_err();
    assert!(
        error.to_string().contains("does not belong to this BMC"),
        "{error}"
    );
    assert_eq!(bmc.count("GET /redfish/v1/Systems/1"), 0);
}

#[tokio::test]
async fn the_system_is_the_named_one_or_the_only_one() {
    let check = async |systems: Vec<&'static str>, id: Value| {
        let bmc = FakeBmc::start(Oddities {
            systems,
            ..Oddities::default()
        })
        .await;
        let info = with(info(&bmc), "redfish_system_id", id);
        let power = connect(&drivers(quick()), &info).power.get().await;
        power.map_err(|error| error.to_string().replace(&bmc.url(), "X"))
    };
    let off = Ok(Some(PowerState::Off));
    assert_eq!(check(vec!["1"], Value::Null).await, off);
    assert_eq!(
        check(vec!["a", "b"], json!("/redfish/v1/Systems/b")).await,
        off
    );
    assert_eq!(check(vec!["a", "b"], json!("b")).await, off);
    let several = "BMC X has 2 systems (/redfish/v1/Systems/a, /redfish/v1/Systems/b): name one in redfish_system_id of driver_info";
    assert_eq!(
        check(vec!["a", "b"], Value::Null).await,
        Err(several.to_owned())
    );
    assert!(
        check(vec![], Value::Null)
            .await
            .unwrap_err()
            .starts_with("BMC X has 0 systems")
    );
}
