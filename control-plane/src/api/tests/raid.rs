//! RAID configurations: what is taken, what is refused, and what may stand in one.

use super::fixture::Server;
use super::nodes::{patch, refused};
use http::{Method, StatusCode};
use serde_json::{Value, json};

const RAID: &str = "/v1/nodes/a/states/raid";

async fn shown(server: &Server) -> Value {
    let states = server.get("/v1/nodes/a/states").await.body;
    states["target_raid_config"].clone()
}

#[tokio::test]
async fn a_configuration_is_stored_and_taken_away() {
    let server = Server::start().await;
    server.node("a").await;
    let wanted =
        json!({"logical_disks": [{"size_gb": "MAX", "raid_level": "1+0", "is_root_volume": true}]});
    let answer = server.call(Method::PUT, RAID, wanted.clone()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.fault());
    assert_eq!(shown(&server).await, wanted);
    let answer = server.call(Method::PUT, RAID, json!({})).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.fault());
    assert_eq!(shown(&server).await, json!({}));
}

#[tokio::test]
async fn what_is_no_configuration_is_refused_with_a_sentence() {
    let server = Server::start().await;
    server.node("a").await;
    let cases = [
        (json!({"logical_disks": []}), "at least one logical disk"),
        (
            json!({"logical_disks": [{"size_gb": 1, "raid_level": "10"}]}),
            "logical_disks[0]: raid_level must be one of JBOD, 0, 1, 2, 5, 6, 1+0, 5+0, 6+0",
        ),
        (
            json!({"logical_disks": [{"raid_level": "1"}]}),
            "logical_disks[0]: size_gb is missing",
        ),
        (json!({"disks": []}), "'disks' is not known"),
    ];
    for (wanted, sentence) in cases {
        let answer = server.call(Method::PUT, RAID, wanted).await;
        refused(&answer, 400, sentence);
    }
    assert_eq!(shown(&server).await, json!({}));
    let wanted = json!({"logical_disks": [{"size_gb": 1, "raid_level": "1"}]});
    let old = server.call_in("1.11", Method::PUT, RAID, wanted.clone());
    refused(&old.await, 406, "states/raid");
    let missing = server.call(Method::PUT, "/v1/nodes/b/states/raid", wanted.clone());
    refused(&missing.await, 404, "b");
    let none = json!([{"op": "replace", "path": "/raid_interface", "value": "no-raid"}]);
    assert_eq!(patch(&server, "a", none).await.status, StatusCode::OK);
    let answer = server.call(Method::PUT, RAID, wanted).await;
    refused(&answer, 404, "choose another raid_interface");
}

#[tokio::test]
async fn a_redfish_bmc_has_no_scsi_disks() {
    let server = Server::start().await;
    server.node("a").await;
    let redfish = json!([
        {"op": "add", "path": "/driver_info/redfish_address", "value": "http://127.0.0.1:1"},
        {"op": "replace", "path": "/raid_interface", "value": "redfish"},
    ]);
    assert_eq!(patch(&server, "a", redfish).await.status, StatusCode::OK);
    let wanted =
        json!({"logical_disks": [{"size_gb": 1, "raid_level": "1", "interface_type": "scsi"}]});
    let answer = server.call(Method::PUT, RAID, wanted).await;
    refused(&answer, 400, "use sata or sas");
}

#[tokio::test]
async fn volumes_of_software_are_the_agents() {
    let server = Server::start().await;
    server.node("a").await;
    let agent = json!([{"op": "replace", "path": "/raid_interface", "value": "agent"}]);
    assert_eq!(patch(&server, "a", agent).await.status, StatusCode::OK);
    let wanted = json!({"logical_disks": [
        {"size_gb": "MAX", "raid_level": "1", "controller": "software", "is_root_volume": true},
    ]});
    let answer = server.call(Method::PUT, RAID, wanted.clone()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.fault());
    assert_eq!(shown(&server).await, wanted);
}

#[tokio::test]
async fn a_driver_tells_what_a_logical_disk_may_say() {
    let server = Server::start().await;
    let path = |driver: &str| format!("/v1/drivers/{driver}/raid/logical_disk_properties");
    for driver in ["fake-hardware", "manual-management", "redfish"] {
        let answer = server.get(&path(driver)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
        let properties = answer.body.as_object().unwrap();
        assert_eq!(properties.len(), 10);
        assert!(properties["size_gb"].as_str().unwrap().contains("Required"));
    }
    let unknown = server.get(&path("none")).await;
    refused(&unknown, 404, "none");
    let old = path("redfish");
    let old = server.call_in("1.11", Method::GET, &old, Value::Null);
    refused(&old.await, 406, "logical_disk_properties");
}
