//! Credentials: which way the BMC gets them, how a session is shared, renewed and ended, and what a refusal is called.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::fake_bmc::FakeBmc;
use super::oddities::{Auth, Fault, Oddities};
use super::{connect, drivers, info, machine, quick, with, with_auth};
use crate::{BmcError, PowerState};

#[tokio::test]
async fn every_way_in_is_found() {
    let cases = [
        (Auth::Open, "auto", 0),
        (Auth::Basic, "auto", 0),
        (Auth::Basic, "basic", 0),
        (Auth::Sessions, "auto", 1),
        (Auth::Sessions, "session", 1),
        (Auth::Sessions, "basic", 0),
        (Auth::SessionsRefused(400), "auto", 0),
        (Auth::SessionsRefused(403), "auto", 0),
        (Auth::SessionsRefused(404), "auto", 0),
        (Auth::SessionsRefused(503), "auto", 0),
        (Auth::Challenge, "auto", 0),
        (Auth::NoToken, "auto", 0),
    ];
    for (auth, auth_type, sessions) in cases {
        let bmc = FakeBmc::start(with_auth(auth)).await;
        let hardware = connect(
            &drivers(quick()),
            &with(info(&bmc), "redfish_auth_type", json!(auth_type)),
        );
        let power = hardware.power.get().await;
        assert_eq!(
            power.unwrap(),
            Some(PowerState::Off),
            "{auth:?} {auth_type}"
        );
        assert_eq!(bmc.sessions_opened(), sessions, "{auth:?} {auth_type}");
    }
}

#[tokio::test]
async fn a_demanded_session_has_no_substitute() {
    for auth in [Auth::SessionsRefused(404), Auth::NoToken] {
        let bmc = FakeBmc::start(with_auth(auth)).await;
        let hardware = connect(
            &drivers(quick()),
            &with(info(&bmc), "redfish_auth_type", json!("session")),
        );
        let error = hardware.power.get().await.unwrap_err();
        assert!(
            matches!(error, BmcError::Refused { .. } | BmcError::Answer { .. }),
            "{auth:?}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_wrong_password_is_named_at_once_and_tried_once() {
    for (auth, attempt) in [
        (Auth::Sessions, "POST /redfish/v1/SessionService/Sessions"),
        (Auth::Basic, "GET /redfish/v1/Systems"),
    ] {
        let bmc = FakeBmc::start(with_auth(auth)).await;
        let wrong = with(
            with(info(&bmc), "redfish_password", json!("wrong")),
            "redfish_system_id",
            json!("1"),
        );
        let error = connect(&drivers(quick()), &wrong)
            .power
            .get()
            .await
            .unwrap_err();
        let sentence = format!(
            "BMC {} refused the user name or password (401): check redfish_username and redfish_password in driver_info",
            bmc.url()
        );
        assert_eq!(error.to_string(), sentence);
        assert!(!error.is_transient());
        assert_eq!(
            bmc.count(attempt),
            1,
            "a BMC locks an account after a few failures"
        );
    }
}

/// Some services challenge whoever they refuse.
#[tokio::test]
async fn a_password_that_redfish_refused_is_not_tried_by_another_way() {
    let refusal = json!({"error": {"code": "Base.1.0.InvalidCredentials", "message": "no"}});
    let fault = Fault {
        headers: &[("www-authenticate", "Basic realm=\"bmc\"")],
        body: refusal.to_string(),
        ..Fault::new("POST /redfish/v1/SessionService/Sessions", 1, 401)
    };
    let (bmc, hardware) = machine(Oddities {
        faults: vec![fault],
        ..with_auth(Auth::Sessions)
    })
    .await;
    let error = hardware.power.get().await.unwrap_err();
    assert!(matches!(error, BmcError::Credentials { .. }), "{error:?}");
    assert_eq!(bmc.count("GET /redfish/v1/Systems"), 0);
}

#[tokio::test]
async fn many_requests_open_one_session() {
    let bmc = FakeBmc::start(with_auth(Auth::Sessions)).await;
    let drivers = drivers(quick());
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        let hardware = connect(&drivers, &info(&bmc));
        tasks.spawn(async move { hardware.power.get().await.map(drop) });
    }
    tasks
        .join_all()
        .await
        .into_iter()
        .collect::<Result<(), _>>()
        .unwrap();
    assert_eq!(bmc.sessions_opened(), 1);
    assert!(
        bmc.busiest() <= quick().requests_per_bmc,
        "{} requests at once",
        bmc.busiest()
    );
}

/// The session that the BMC has opened for them is that of whoever comes next.
#[tokio::test]
async fn a_login_of_somebody_who_has_no_more_time_leaves_no_session_behind() {
    let path = "POST /redfish/v1/SessionService/Sessions";
    let fault = Fault {
        answers_late: true,
        ..Fault::slow(path, 1, Duration::from_secs(2))
    };
    let bmc = FakeBmc::start(Oddities {
        faults: vec![fault],
        ..with_auth(Auth::Sessions)
    })
    .await;
    let drivers = drivers(quick());
    let hardware = connect(&drivers, &info(&bmc));
    let opened = async {
        while bmc.sessions_opened() == 0 {
            tokio::time::sleep(quick().poll_interval).await;
        }
    };
    tokio::select! {
        biased;
        () = opened => {}
        early = hardware.power.get() => panic!("{early:?} came before the session"),
    }
    hardware.power.get().await.unwrap();
    assert_eq!((bmc.sessions_opened(), bmc.open_sessions()), (1, 1));
    drivers.close().await;
    assert_eq!(bmc.open_sessions(), 0);
}

#[tokio::test]
async fn an_expired_session_is_renewed() {
    let (bmc, hardware) = machine(with_auth(Auth::Sessions)).await;
    hardware.power.get().await.unwrap();
    bmc.expire_sessions();
    hardware.power.get().await.unwrap();
    assert_eq!((bmc.sessions_opened(), bmc.open_sessions()), (2, 1));
}

#[tokio::test]
async fn a_changed_password_takes_the_place_of_the_old_one() {
    let bmc = FakeBmc::start(with_auth(Auth::Sessions)).await;
    let drivers = drivers(quick());
    connect(
        &drivers,
        &with(info(&bmc), "redfish_password", json!("old")),
    )
    .power
    .get()
    .await
    .unwrap_err();
    connect(&drivers, &info(&bmc)).power.get().await.unwrap();
}

#[tokio::test]
async fn sessions_end_with_the_process() {
    let bmc = FakeBmc::start(with_auth(Auth::Sessions)).await;
    let drivers = drivers(quick());
    connect(&drivers, &info(&bmc)).power.get().await.unwrap();
    assert_eq!(bmc.open_sessions(), 1);
    drivers.close().await;
    assert_eq!(bmc.open_sessions(), 0);
}

#[tokio::test]
async fn slow_bmcs_are_logged_out_of_at_the_same_time() {
    let (drivers, delay) = (drivers(quick()), Duration::from_millis(400));
    let mut bmcs = Vec::new();
    for _ in 0..8 {
        let bmc = FakeBmc::start(Oddities {
            faults: vec![Fault::slow("DELETE", 1, delay)],
            ..with_auth(Auth::Sessions)
        })
        .await;
        connect(&drivers, &info(&bmc)).power.get().await.unwrap();
        bmcs.push(bmc);
    }
    let start = Instant::now();
    drivers.close().await;
    assert!(start.elapsed() < 4 * delay, "{:?}", start.elapsed());
    assert!(bmcs.iter().all(|bmc| bmc.open_sessions() == 0));
}

#[tokio::test]
async fn a_bmc_that_is_forgotten_loses_its_session() {
    let (bmc, other) = (
        FakeBmc::start(with_auth(Auth::Sessions)).await,
        FakeBmc::start(with_auth(Auth::Sessions)).await,
    );
    let drivers = drivers(crate::Settings {
        session_cache_size: 1,
        ..quick()
    });
    connect(&drivers, &info(&bmc)).power.get().await.unwrap();
    connect(&drivers, &info(&other)).power.get().await.unwrap();
    let gone = async {
        while bmc.open_sessions() > 0 {
            tokio::time::sleep(quick().poll_interval).await;
        }
    };
    tokio::time::timeout(quick().read_timeout, gone)
        .await
        .unwrap();
    assert_eq!(other.open_sessions(), 1);
}
