//! All resources that can be reached, and what they say of the hardware.

use std::collections::{BTreeMap, VecDeque};

use super::*;
use crate::machine::Place;

/// Every link in a body, wherever it stands.
fn links(body: &Value, key: &str, found: &mut Vec<String>) {
    match body {
        Value::Object(map) => {
            found.extend(map.get(key).and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| links(value, key, found));
        }
        Value::Array(values) => values.iter().for_each(|value| links(value, key, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// All resources that can be reached from the root.
async fn crawl(client: &Client) -> BTreeMap<String, Value> {
    let mut seen = BTreeMap::new();
    let mut ahead = VecDeque::from([paths::ROOT.to_owned()]);
    while let Some(path) = ahead.pop_front() {
        let path = path.split('#').next().unwrap_or_default().to_owned();
        if seen.contains_key(&path) {
            continue;
        }
        let body = client.get(&path).await;
        let mut found = Vec::new();
        links(&body, "@odata.id", &mut found);
        ahead.extend(found);
        seen.insert(path, body);
    }
    seen
}

#[tokio::test]
async fn every_link_leads_to_a_resource_that_says_where_and_what_it_is() {
    let resources = crawl(&Client::new().await).await;
    for (path, body) in &resources {
        assert_eq!(body["@odata.id"], json!(path));
        assert!(
            body["@odata.type"]
                .as_str()
                .is_some_and(|kind| kind.starts_with('#')),
            "{path}"
        );
        assert!(body["Name"].is_string(), "{path}");
        let members = body["Members"].as_array().map(Vec::len);
        assert_eq!(
            body["Members@odata.count"].as_u64(),
            members.map(|length| length as u64),
            "{path}"
        );
        assert!(members.is_some() || body["Id"].is_string(), "{path}");
    }
    assert!(
        resources.len() > 25,
        "only {} resources were reached",
        resources.len()
    );
}

#[tokio::test]
async fn the_metadata_refer_to_every_type() {
    let client = Client::new().await;
    let response = client.send(Method::GET, paths::METADATA, &[], None).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/xml");
    let text = to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(text.to_vec()).unwrap();
    let mut kinds = vec!["#Message.v1_1_2.Message".to_owned()];
    client.bmc.sessions.lock().open("admin");
    for body in crawl(&client).await.values() {
        links(body, "@odata.type", &mut kinds);
    }
    for kind in kinds {
        let namespace = kind.trim_start_matches('#').rsplit_once('.').unwrap().0;
        let include = format!("<edmx:Include Namespace=\"{namespace}\"/>");
        assert!(text.contains(&include), "{kind}");
    }
}

#[tokio::test]
async fn every_action_has_a_target_that_takes_posts_only() {
    let client = Client::new().await;
    let mut targets = Vec::new();
    for body in crawl(&client).await.values() {
        links(&body["Actions"], "target", &mut targets);
    }
    assert!(targets.len() >= 6, "{targets:?}");
    for target in targets {
        let got = client
            .send(Method::GET, &target, &[("authorization", BASIC)], None)
            .await;
        assert_eq!(got.status(), StatusCode::METHOD_NOT_ALLOWED, "{target}");
        let posted = client.status(Method::POST, &target, json!({})).await;
        assert!([204, 400].contains(&posted), "{target}: {posted}");
    }
}

#[tokio::test]
async fn the_hardware_is_as_in_the_lab_file() {
    let client = Client::new().await;
    let system = client.get(SYSTEM).await;
    assert_eq!(system["MemorySummary"]["TotalSystemMemoryGiB"], json!(1.5));
    assert_eq!(system["ProcessorSummary"]["CoreCount"], json!(2));
    let drive = client.get(&format!("{SYSTEM}/Storage/SCSI/Drives/1")).await;
    let expected = json!({"CapacityBytes": 2 << 20, "SerialNumber": "S1", "MediaType": "HDD",
        "Identifiers": [{"DurableNameFormat": "NAA", "DurableName": "5000c50015ea7001"}]});
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&drive[key], value, "{key}");
    }
    let sizes = client.get(&format!("{SYSTEM}/SimpleStorage/1")).await;
    let sizes: Vec<&Value> = sizes["Devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["CapacityBytes"])
        .collect();
    assert_eq!(sizes, [&json!(1 << 20), &json!(2 << 20)]);
}

#[tokio::test]
async fn a_disk_that_is_out_is_absent() {
    let client = Client::new().await;
    let machine = &client.living.machine;
    machine.put_disk(1, Place::Out).await.unwrap();
    let shown = async || {
        let drive = client.get(&format!("{SYSTEM}/Storage/SCSI/Drives/1")).await;
        let controller = client.get(&format!("{SYSTEM}/Storage/SCSI")).await;
        let older = client.get(&format!("{SYSTEM}/SimpleStorage/1")).await;
        let count = |list: &Value| list.as_array().map(Vec::len);
        (
            drive["Status"]["State"].clone(),
            count(&controller["Drives"]),
            count(&older["Devices"]),
        )
    };
    assert_eq!(shown().await, (json!("Absent"), Some(0), Some(1)));
    machine.put_disk(1, Place::In).await.unwrap();
    assert_eq!(shown().await, (json!("Enabled"), Some(1), Some(2)));
}
