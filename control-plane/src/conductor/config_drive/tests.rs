//! The three forms of a config drive, and what is refused of each.

use super::*;
use ferric_model::ids::NodeId;
use std::io::Read;

fn node(drive: Option<Value>) -> Node {
    let mut node = Node::new(
        NodeId(uuid::Uuid::nil()),
        "redfish",
        jiff::Timestamp::UNIX_EPOCH,
    );
    node.name = Some("one".to_owned());
    node.instance_info
        .extend(drive.map(|drive| (KEY.to_owned(), drive)));
    node
}

async fn outcome(drive: Value) -> Result<(), String> {
    check(&drive).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn forms() {
    let packed = STANDARD.encode(gzip(b"an image"));
    assert_eq!(outcome(json!(packed)).await, Ok(()));
    assert_eq!(outcome(json!("https://192.0.2.1/drive")).await, Ok(()));
    assert_eq!(
        outcome(json!({"meta_data": {"hostname": "a"}, "user_data": "#!/bin/sh"})).await,
        Ok(())
    );
    let refused = [
        (json!("not base64!"), "neither a URL"),
        (json!(STANDARD.encode("no gzip")), "neither a URL"),
        (json!(3), "neither a URL"),
        (json!({"metadata": {}}), "unknown key \"metadata\""),
        (
            json!({"meta_data": "a"}),
            "meta_data of the config drive must be an object",
        ),
        (json!({"user_data": 3}), "user_data"),
    ];
    for (drive, part) in refused {
        let error = outcome(drive).await.unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test]
async fn an_object_becomes_a_labelled_image() {
    let drive = json!({"meta_data": {"hostname": "host-of-a-test"}, "user_data": {"a": 1}});
    let packed = of_instance(&node(Some(drive))).await.unwrap().unwrap();
    let bytes = STANDARD.decode(packed).unwrap();
    let mut image = Vec::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_end(&mut image)
        .unwrap();
    // The primary volume descriptor with its label (ECMA-119, 8.4).
    assert_eq!(&image[32769..32774], b"CD001");
    assert_eq!(image[32808..32840].trim_ascii_end(), b"config-2");
    let text = String::from_utf8_lossy(&image);
    assert!(text.contains("\"hostname\":\"host-of-a-test\",\"uuid\":\"00000000"));
}

#[tokio::test]
async fn other_forms_go_on_as_they_are() {
    for drive in [json!("http://192.0.2.1/drive"), json!("H4sIAAAA")] {
        assert_eq!(
            of_instance(&node(Some(drive.clone())))
                .await
                .unwrap()
                .as_deref(),
            drive.as_str()
        );
    }
    assert_eq!(of_instance(&node(None)).await.unwrap(), None);
}
