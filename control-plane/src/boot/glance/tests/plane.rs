//! What the boot plane makes of a node whose image is one of Glance's.

use super::{Glance, ID, cloud, record, sentence};
use crate::boot::wanted::tests::run;
use crate::boot::{BootPlane, Digest, ImageLocation, router};
use crate::config::glance::glance_of;
use crate::config::{Overrides, Settings};
use axum::body::{Body, to_bytes};
use ferric_model::ids::NodeId;
use ferric_model::node::{NetworkBoot, Node};
use ferric_store::{RedbStore, Store, Transaction};
use http::{Request, StatusCode};
use serde_json::json;
use std::sync::Arc;
use tower::ServiceExt;
use uuid::Uuid;

const LOGIN: &str = "username = 'ferric'\npassword = 'secret'\nproject_name = 'ours'";

fn node(source: &str) -> Node {
    let id = NodeId(Uuid::from_u128(1));
    let mut node = Node::new(id, "redfish", jiff::Timestamp::UNIX_EPOCH);
    node.instance_info
        .insert("image_source".into(), json!(source));
    node.driver_info
        .insert("deploy_kernel".into(), json!(format!("glance://{ID}")));
    node.driver_info
        .insert("deploy_ramdisk".into(), json!("http://mirror/ramdisk"));
    // Of an earlier image.
    node.instance_info
        .insert("image_checksum".into(), json!("ffff"));
    node
}

/// The plane, with its store, of a conductor with this section `[glance]`, if any.
fn plane(section: Option<&str>) -> (BootPlane, Arc<dyn Store>) {
    crate::tls::install_provider();
    let overrides = Overrides {
        state_dir: Some("/tmp".into()),
        provision_listen: Some("10.0.0.1:80".parse().unwrap()),
        ..Overrides::default()
    };
    let settings = Settings::load(None, overrides).unwrap();
    let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().unwrap());
    let glance = section.map(|text| Glance::open(&glance_of(text).unwrap()).unwrap());
    let plane = BootPlane::new(Arc::new(settings), store.clone(), reqwest::Client::new());
    (plane.with_glance(glance), store)
}

#[tokio::test]
async fn the_record_says_what_the_machine_is_told() {
    let (played, cloud) = cloud().await;
    let url = &played.url;
    let (plane, _) = plane(Some(&format!("url = '{url}'\nauth_url = '{url}'\n{LOGIN}")));
    for source in [ID.to_string(), format!("glance://{ID}")] {
        let location = plane.image(&node(&source)).await.unwrap();
        let expected = ImageLocation {
            url: format!("http://10.0.0.1:80/images/{}/{ID}", Uuid::from_u128(1)),
            digest: Digest::Hash {
                algorithm: "sha512".to_owned(),
                value: "ab".to_owned(),
            },
            size_bytes: Some(10),
            disk_format: Some("raw".to_owned()),
        };
        assert_eq!(location, expected);
    }
    let seen = plane.preview_image(&node(&ID.to_string())).await.unwrap();
    assert_eq!((seen.size_bytes, seen.disk_bytes), (Some(10), Some(10)));
    assert!(seen.source.contains("debian"), "{}", seen.source);
    cloud.lock().record = record(&json!({"disk_format": "iso"}));
    let error = plane.image(&node(&ID.to_string())).await.unwrap_err();
    assert!(
        sentence(&error).contains("disk_format is iso"),
        "{}",
        sentence(&error)
    );
}

#[tokio::test]
async fn without_a_glance_its_images_are_no_images() {
    let (plane, _) = plane(None);
    let node = node(&ID.to_string());
    for error in [
        plane.image(&node).await.unwrap_err(),
        plane.check_glance_image(&node).await.unwrap_err(),
        plane.check_ramdisk(&node).await.unwrap_err(),
    ] {
        assert!(
            error.to_string().contains("add the section [glance]"),
            "{error}"
        );
    }
    let refused = plane.validate(&node, &[]).unwrap_err();
    assert!(refused.contains("add the section [glance]"), "{refused}");
}

#[tokio::test]
async fn a_url_is_tried_before_a_machine_is_told_it() {
    let (played, cloud) = cloud().await;
    let url = &played.url;
    let swift = format!("[swift]\nurl = '{url}'\naccount = 'AUTH_a'\ntemp_url_key = 'k'\n");
    let section =
        format!("url = '{url}'\naccess = 'tempurl'\nauth_url = '{url}'\n{LOGIN}\n{swift}");
    let node = node(&ID.to_string());
    let (signed, _) = plane(Some(&section));
    let location = signed.image(&node).await.unwrap();
    let start = format!("{url}/v1/AUTH_a/glance/{ID}?temp_url_sig=");
    assert!(location.url.starts_with(&start), "{}", location.url);
    let elsewhere = section.replace("AUTH_a", "AUTH_b");
    let (wrong, _) = plane(Some(&elsewhere));
    let error = wrong.image(&node).await.unwrap_err().to_string();
    assert!(
        error.contains("answered with 404") && error.contains("[glance.swift]"),
        "{error}"
    );
    assert!(!error.contains("temp_url_sig"), "{error}");
    assert_eq!(
        cloud.lock().ranges.len(),
        0,
        "Glance is asked for the record alone"
    );
}

#[tokio::test]
async fn kernel_and_image_pass_through() {
    let (played, _cloud) = cloud().await;
    let url = &played.url;
    let (plane, store) = plane(Some(&format!("url = '{url}'\nauth_url = '{url}'\n{LOGIN}")));
    let mut node = node(&ID.to_string());
    node.network_boot = NetworkBoot::Ramdisk;
    node.run = Some(run("deploy", 1));
    store.commit(Transaction::new().put(&node)).await.unwrap();
    let router = router(plane, Arc::new(|_, _| {}));
    let get = async |path: String| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        (status, to_bytes(answer.into_body(), 100).await.unwrap())
    };
    for path in [
        format!("/images/{}/{ID}", node.uuid),
        format!("/boot/files/{}/kernel", node.uuid),
    ] {
        let (status, bytes) = get(path).await;
        assert_eq!((status, &bytes[..]), (StatusCode::OK, &b"0123456789"[..]));
    }
    for path in [
        format!("/images/{}/{}", node.uuid, node.uuid),
        format!("/images/{ID}/{ID}"),
        format!("/boot/files/{}/ramdisk", node.uuid),
    ] {
        assert_eq!(get(path.clone()).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    // Its instance runs.
    node.run = None;
    node.network_boot = NetworkBoot::LocalDisk;
    store.commit(Transaction::new().put(&node)).await.unwrap();
    for path in [
        format!("/images/{}/{ID}", node.uuid),
        format!("/boot/files/{}/kernel", node.uuid),
    ] {
        assert_eq!(get(path.clone()).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}
