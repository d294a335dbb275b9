//! The plan of a deploy: what it says, and that it changes nothing.

use super::fixture::Server;
use ferric_model::ids::NodeId;
use ferric_model::inventory::StoredInventory;
use ferric_store::Transaction;
use http::{Method, StatusCode};
use serde_json::{Value, json};

const PLAN: &str = "/ferric/v1/nodes/a/plan";

fn finding<'a>(plan: &'a Value, about: &str) -> &'a Value {
    let findings = plan["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["about"] == about);
    found.unwrap_or_else(|| panic!("nothing about {about} in {plan}"))
}

#[tokio::test]
async fn what_a_deploy_would_do() {
    let images = tempfile::tempdir().unwrap();
    let image = images.path().join("os.img");
    std::fs::write(&image, vec![7; 4096]).unwrap();
    let folder = images.path().to_owned();
    let server = Server::start_with(|settings| settings.image_paths = vec![folder]).await;
    let uuid = server.node("a").await;
    let interfaces = json!([{"op": "add", "path": "/deploy_interface", "value": "direct"}]);
    let patched = server.call(Method::PATCH, "/v1/nodes/a", interfaces).await;
    assert_eq!(patched.status, StatusCode::OK, "{}", patched.fault());
    server
        .provision("a", json!({"target": "manage"}), "manageable")
        .await;
    let disks = json!({"disks": [{"name": "/dev/vda", "serial": "S1", "size": 8_u64 << 30}]});
    let inventory = StoredInventory {
        node: uuid.parse::<NodeId>().unwrap(),
        taken_at: server.conductor.now(),
        inventory: disks.as_object().unwrap().clone(),
        plugin_data: Default::default(),
    };
    let transaction = Transaction::new().put(&inventory);
    server.conductor.store().commit(transaction).await.unwrap();

    let before = server.get("/v1/nodes/a").await.body;
    let source = format!("file://{}", image.display());
    let asked = json!({"instance_info": {"image_source": source}});
    let answer = server.call(Method::POST, PLAN, asked).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.fault());
    let plan = answer.body;
    assert_eq!(
        finding(&plan, "state")["level"],
        "error",
        "it is manageable"
    );
    assert_eq!(plan["verdict"], "error");
    assert_eq!(finding(&plan, "disk")["data"]["serial"], "S1");
    assert_eq!(
        finding(&plan, "erased")["data"]["disks"][0]["name"],
        "/dev/vda"
    );
    assert_eq!(finding(&plan, "image")["data"]["size_bytes"], 4096);
    assert_eq!(finding(&plan, "image")["data"]["format"], "raw");
    assert_eq!(finding(&plan, "digest")["data"]["digest"], "computed");
    assert_eq!(finding(&plan, "size")["level"], "ok");
    let steps: Vec<_> = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["step"])
        .collect();
    assert!(steps.contains(&&json!("deploy.write_image")), "{steps:?}");

    let missing = json!({"instance_info": {"image_source": format!("{source}.gone")}});
    let plan = server.call(Method::POST, PLAN, missing).await.body;
    assert_eq!(finding(&plan, "image")["level"], "error");
    assert_eq!(
        server.get("/v1/nodes/a").await.body,
        before,
        "nothing was written"
    );
}

#[tokio::test]
async fn a_fake_deploy_is_planned_and_bad_input_refused() {
    let server = Server::start().await;
    server.node("a").await;
    for (target, ends) in [("manage", "manageable"), ("provide", "available")] {
        server.provision("a", json!({"target": target}), ends).await;
    }
    let plan = server.call(Method::POST, PLAN, Value::Null).await.body;
    assert_eq!(
        (&plan["verdict"], &plan["target"]),
        (&json!("ok"), &json!("active")),
        "{plan}"
    );
    assert_eq!(plan["steps"][0]["step"], "deploy.deploy");
    for (body, part) in [
        (json!({"target": "provide"}), "active or rebuild"),
        (json!({"instance_info": 5}), "must be an object"),
        (json!({"bogus": 5}), "bogus"),
        (json!({"deploy_steps": [{"interface": "deploy"}]}), "step 0"),
        (
            json!({"instance_info": {"image_request_authorization": "******"}}),
            "asterisks",
        ),
    ] {
        let refused = server.call(Method::POST, PLAN, body.clone()).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(refused.fault().contains(part), "{}", refused.fault());
    }
    let odd =
        json!({"deploy_steps": [{"interface": "raid", "step": "odd", "priority": 50, "args": {}}]});
    let plan = server.call(Method::POST, PLAN, odd).await.body;
    assert_eq!(finding(&plan, "steps")["level"], "error", "{plan}");
    let missing = server
        .call(Method::POST, "/ferric/v1/nodes/none/plan", json!({}))
        .await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
}
