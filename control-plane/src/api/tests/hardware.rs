//! What is asked of a machine below its node: boot mode, secure boot, console, NMI and lights.

use super::fixture::{Answer, PATIENCE, Server};
use super::nodes::{patch, refused};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

async fn put(server: &Server, path: &str, body: Value) -> Answer {
    server.call(Method::PUT, &below(path), body).await
}

fn below(path: &str) -> String {
    format!("/v1/nodes/a/{path}")
}

/// The states of the node, once nothing of it is held.
async fn settled(server: &Server) -> Value {
    let start = Instant::now();
    loop {
        let node = server.get("/v1/nodes/a").await.body;
        if node["reservation"].is_null() {
            return server.get("/v1/nodes/a/states").await.body;
        }
        assert!(start.elapsed() < PATIENCE, "it is held: {node}");
        sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn boot_mode_and_secure_boot_are_set_in_the_background() {
    let server = Server::start().await;
    server.node("a").await;
    for (what, target) in [
        ("boot_mode", json!("bios")),
        ("boot_mode", json!("uefi")),
        ("secure_boot", json!(true)),
        ("secure_boot", json!("off")),
        ("secure_boot", json!(1)),
    ] {
        let path = format!("states/{what}");
        let answer = put(&server, &path, json!({"target": target})).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.fault());
        let location = answer.headers[header::LOCATION].to_str().unwrap();
        assert_eq!(location, "http://api/v1/nodes/a/states");
        let states = settled(&server).await;
        let expected = match target.as_str() {
            Some("off") => json!(false),
            Some(_) => target.clone(),
            None => json!(true),
        };
        assert_eq!(states[what], expected, "{states}");
        assert_eq!(states["last_error"], Value::Null);
        let node = server.get("/v1/nodes/a").await.body;
        assert_eq!(node[what], expected);
    }
}

#[tokio::test]
async fn wrong_targets_are_refused() {
    let server = Server::start().await;
    server.node("a").await;
    for (what, body, status, part) in [
        (
            "boot_mode",
            json!({"target": "UEFI"}),
            400,
            "use one of uefi, bios",
        ),
        (
            "boot_mode",
            json!({"target": null}),
            400,
            "use one of uefi, bios",
        ),
        (
            "boot_mode",
            json!({"target": 1}),
            400,
            "use one of uefi, bios",
        ),
        ("boot_mode", json!({}), 400, "target is missing"),
        (
            "boot_mode",
            json!({"target": "uefi", "more": 1}),
            400,
            "more",
        ),
        (
            "secure_boot",
            json!({"target": "nonsense"}),
            400,
            "true or false",
        ),
        ("secure_boot", json!({"target": null}), 400, "true or false"),
        ("secure_boot", json!({"target": 2}), 400, "true or false"),
        ("secure_boot", json!({}), 400, "target is missing"),
    ] {
        let answer = put(&server, &format!("states/{what}"), body).await;
        refused(&answer, status, part);
    }
    for (what, target) in [("boot_mode", json!("uefi")), ("secure_boot", json!(true))] {
        let (path, body) = (below(&format!("states/{what}")), json!({"target": target}));
        let old = server
            .call_in("1.75", Method::PUT, &path, body.clone())
            .await;
        refused(&old, 404, "1.76");
        let missing = format!("/v1/nodes/b/states/{what}");
        let missing = server.call(Method::PUT, &missing, body.clone()).await;
        refused(&missing, 404, "b");
        let got = server.get(&path).await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test]
async fn a_management_interface_that_has_nothing_of_it_says_so() {
    let server = Server::start().await;
    server.node("a").await;
    let noop = json!([{"op": "replace", "path": "/management_interface", "value": "noop"}]);
    assert_eq!(patch(&server, "a", noop).await.status, StatusCode::OK);
    let mode = put(&server, "states/boot_mode", json!({"target": "uefi"})).await;
    refused(&mode, 400, "noop");
    let secure_boot = put(&server, "states/secure_boot", json!({"target": true})).await;
    refused(&secure_boot, 400, "noop");
    refused(
        &put(&server, "management/inject_nmi", json!({})).await,
        400,
        "noop",
    );
    refused(
        &server.get(&below("management/indicators")).await,
        400,
        "noop",
    );
}

#[tokio::test]
async fn a_console_is_opened_and_closed() {
    let server = Server::start().await;
    server.node("a").await;
    let path = below("states/console");
    let shown = server.get(&path).await.body;
    assert_eq!(
        shown,
        json!({"console_enabled": false, "console_info": null})
    );
    for (enabled, open) in [
        (json!(true), true),
        (json!(true), true),
        (json!("false"), false),
        (json!(1), true),
        (json!(null), false),
    ] {
        let answer = put(&server, "states/console", json!({"enabled": enabled})).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.fault());
        let location = answer.headers[header::LOCATION].to_str().unwrap();
        assert_eq!(location, "http://api/v1/nodes/a/states/console");
        let states = settled(&server).await;
        assert_eq!(states["console_enabled"], open, "{states}");
        let info = if open { json!({}) } else { Value::Null };
        let shown = server.get(&path).await.body;
        assert_eq!(
            shown,
            json!({"console_enabled": open, "console_info": info})
        );
    }
    for (body, part) in [
        (json!({}), "enabled is missing"),
        (json!({"enabled": "nonsense"}), "true or false"),
        (json!({"enabled": true, "more": 1}), "more"),
    ] {
        refused(&put(&server, "states/console", body).await, 400, part);
    }
    refused(&server.get("/v1/nodes/b/states/console").await, 404, "b");
    let none = json!([{"op": "replace", "path": "/console_interface", "value": "no-console"}]);
    assert_eq!(patch(&server, "a", none).await.status, StatusCode::OK);
    let answer = put(&server, "states/console", json!({"enabled": true})).await;
    refused(&answer, 400, "does not support console");
    let shown = server.get(&path).await.body;
    assert_eq!(
        shown,
        json!({"console_enabled": false, "console_info": null})
    );
    let validate = server.get(&below("validate")).await.body;
    assert_eq!(validate["console"]["result"], false);
    assert_eq!(validate["management"]["result"], true);
}

#[tokio::test]
async fn a_driver_is_not_changed_under_an_open_console() {
    let server = Server::start().await;
    server.node("a").await;
    put(&server, "states/console", json!({"enabled": true})).await;
    settled(&server).await;
    let driver = json!([{"op": "replace", "path": "/driver", "value": "manual-management"}]);
    let path = "/v1/nodes/a?reset_interfaces=true";
    let answer = server.call(Method::PATCH, path, driver).await;
    refused(&answer, 409, "console is on");
}

#[tokio::test]
async fn an_nmi_is_sent_at_once() {
    let server = Server::start().await;
    server.node("a").await;
    let off = put(&server, "management/inject_nmi", json!({})).await;
    refused(&off, 400, "while the machine is on");
    let on = put(&server, "states/power", json!({"target": "power on"})).await;
    assert_eq!(on.status, StatusCode::ACCEPTED);
    settled(&server).await;
    for body in [json!({}), Value::Null] {
        let sent = put(&server, "management/inject_nmi", body).await;
        assert_eq!(sent.status, StatusCode::NO_CONTENT, "{}", sent.fault());
    }
    let more = put(&server, "management/inject_nmi", json!({"more": 1})).await;
    refused(&more, 400, "more");
    let path = below("management/inject_nmi");
    let old = server.call_in("1.28", Method::PUT, &path, json!({})).await;
    refused(&old, 404, "1.29");
    let get = server.get(&path).await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn lights_are_listed_read_and_switched() {
    let server = Server::start().await;
    server.node("a").await;
    let path = below("management/indicators");
    // As in Ironic they are there in every version.
    let old = server.get("/v1/nodes/a").await.body["uuid"].clone();
    let old = format!("/v1/nodes/{}/management/indicators", old.as_str().unwrap());
    let old = server.call_in("1.1", Method::GET, &old, Value::Null).await;
    assert_eq!(old.status, StatusCode::OK, "{}", old.fault());
    let missing = server.get("/v1/nodes/b/management/indicators").await;
    refused(&missing, 404, "b");
    let listed = server.get(&path).await.body;
    let names: Vec<&str> = listed["indicators"]
        .as_array()
        .unwrap()
        .iter()
        .map(|light| light["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["led-0@chassis", "led@system"]);
    let link = "http://api/v1/nodes/a/management/indicators/led@system";
    let bookmark = "http://api/nodes/a/management/indicators/led@system";
    let expected = json!({
        "name": "led@system", "component": "system", "readonly": false,
        "states": ["blinking", "off", "on"],
        "links": [{"href": link, "rel": "self"}, {"href": bookmark, "rel": "bookmark"}],
    });
    assert_eq!(listed["indicators"][1], expected);
    let light = format!("{path}/led@system");
    assert_eq!(server.get(&light).await.body, json!({"state": "on"}));
    let set = server
        .call(Method::PUT, &light, json!({"state": "blinking"}))
        .await;
    assert_eq!(set.status, StatusCode::NO_CONTENT, "{}", set.fault());
    let escaped = format!("{path}/led%40system");
    assert_eq!(
        server.get(&escaped).await.body,
        json!({"state": "blinking"})
    );
}

#[tokio::test]
async fn lights_that_are_not_there_are_refused() {
    let server = Server::start().await;
    server.node("a").await;
    let path = below("management/indicators");
    for (name, part) in [
        ("nonsense", "Malformed indicator name"),
        ("led@nonsense", "use one of chassis, system"),
        ("led@", "use one of chassis, system"),
        ("nonsense@system", "led@system"),
        ("@system", "led@system"),
    ] {
        let light = format!("{path}/{name}");
        refused(&server.get(&light).await, 400, part);
        let set = server
            .call(Method::PUT, &light, json!({"state": "on"}))
            .await;
        refused(&set, 400, part);
    }
    for (name, body, part) in [
        (
            "led@system",
            json!({"state": "BLINKING"}),
            "on, off, blinking",
        ),
        ("led@system", json!({"state": null}), "on, off, blinking"),
        ("led@system", json!({"state": 1}), "on, off, blinking"),
        ("led@system", json!({}), "state is missing"),
        ("led@system", json!({"state": "on", "more": 1}), "more"),
        (
            "led@system",
            json!({"state": "unknown"}),
            "blinking, off, on",
        ),
        ("led-0@chassis", json!({"state": "off"}), "to read it"),
    ] {
        let set = server
            .call(Method::PUT, &format!("{path}/{name}"), body)
            .await;
        refused(&set, 400, part);
    }
}
