//! What the provisioning listener serves beside the agents' calls: boot scripts, kernel, ramdisk, images. Files are
//! served only while the node's machine may want them.

use super::{BootError, BootPlane, files, glance, media, script, wanted};
use crate::conductor::requests::STORE_AWAY_RETRY_S;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ferric_model::ids::{MacAddress, NodeId};
use ferric_model::node::Node;
use ferric_store::StoreError;
use std::error::Error;
use std::sync::Arc;
use uuid::Uuid;

/// Told of each request of a machine: the node and what it asked for. Must not block.
pub type Observer = Arc<dyn Fn(NodeId, String) + Send + Sync>;

#[derive(Clone)]
struct Served {
    plane: BootPlane,
    observer: Observer,
}

/// The boot files' routes.
pub fn router(plane: BootPlane, observer: Observer) -> Router {
    Router::new()
        .route("/boot.ipxe", get(entry))
        .route("/boot/{script}", get(node_script))
        .route("/boot/files/{node}/{part}", get(boot_file))
        .route("/images/{node}/{name}", get(image))
        .route("/media/{node}/{key}/{name}", get(medium))
        .with_state(Served { plane, observer })
}

async fn entry(State(served): State<Served>) -> Response {
    match served.plane.settings.provision_base() {
        Some(base) => text(script::entry(base)),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn node_script(State(served): State<Served>, Path(name): Path<String>) -> Response {
    let mac = name
        .strip_suffix(".ipxe")
        .and_then(|mac| mac.parse::<MacAddress>().ok());
    let Some(mac) = mac else {
        return StatusCode::NOT_FOUND.into_response();
    };
    match served.plane.script(&mac).await {
        Ok(Some((node, script))) => {
            (served.observer)(node, format!("boot script of {mac}"));
            text(script)
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error),
    }
}

async fn boot_file(
    State(served): State<Served>,
    Path((node, part)): Path<(String, String)>,
    request: Request,
) -> Response {
    let part = match part.as_str() {
        "kernel" => script::Part::Kernel,
        "ramdisk" => script::Part::Ramdisk,
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let node = match find(&served, &node, wanted::ramdisk).await {
        Ok(Some(node)) => node,
        Ok(None) => return StatusCode::NOT_FOUND.into_response(),
        Err(error) => return failed(&error),
    };
    (served.observer)(node.uuid, part.name().to_owned());
    match script::source(&served.plane.settings, &node, part) {
        Ok(script::Source::File(path)) => files::serve(&path, request).await,
        Ok(script::Source::Glance(id)) => from_glance(&served.plane, id, request).await,
        Ok(script::Source::Url(_)) | Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn image(
    State(served): State<Served>,
    Path((node, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    let node = match find(&served, &node, wanted::image).await {
        Ok(Some(node)) => node,
        Ok(None) => return StatusCode::NOT_FOUND.into_response(),
        Err(error) => return failed(&error),
    };
    (served.observer)(node.uuid, format!("image {name}"));
    if let Some(id) = image_of_glance(&node) {
        return match id.to_string() == name {
            true => from_glance(&served.plane, id, request).await,
            false => StatusCode::NOT_FOUND.into_response(),
        };
    }
    match files::image_of(&served.plane.settings, &node) {
        Ok(path) if path.file_name().is_some_and(|found| found == name.as_str()) => {
            files::serve(&path, request).await
        }
        Ok(_) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::warn!(node = %node.uuid, error = &error as &dyn Error, "image refused");
            StatusCode::NOT_FOUND.into_response()
        }
    }
}

/// An image in a virtual drive, for the BMC that was told the key.
async fn medium(
    State(served): State<Served>,
    Path((node, key, name)): Path<(String, String, String)>,
    request: Request,
) -> Response {
    let node = match find(&served, &node, |_| true).await {
        Ok(Some(node)) => node,
        Ok(None) => return StatusCode::NOT_FOUND.into_response(),
        Err(error) => return failed(&error),
    };
    let mut relayed = node.relayed_media.iter();
    match relayed.find(|media| media.key.to_string() == key && media.name() == name) {
        Some(found) => media::relay(&served.plane, found, &request.into_parts().0).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn image_of_glance(node: &Node) -> Option<Uuid> {
    glance::image_id(node.instance_info.get("image_source")?.as_str()?)
}

async fn from_glance(plane: &BootPlane, id: Uuid, request: Request) -> Response {
    let Ok(glance) = plane.glance(id) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    glance::serve(glance, id, &request.into_parts().0).await
}

/// The node, if its machine may want such a file now.
async fn find(
    served: &Served,
    id: &str,
    wants: fn(&Node) -> bool,
) -> Result<Option<Node>, BootError> {
    match id.parse() {
        Ok(id) => Ok(served.plane.node(id).await?.filter(wants)),
        Err(_) => Ok(None),
    }
}

fn text(script: String) -> Response {
    (
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        script,
    )
        .into_response()
}

/// A store that is away is no reason for a machine to give up: "not found" would be one.
fn failed(error: &BootError) -> Response {
    tracing::error!(error = error as &dyn Error, "answering a machine");
    if let BootError::Store(StoreError::Away { .. }) = error {
        let headers = [(header::RETRY_AFTER, HeaderValue::from(STORE_AWAY_RETRY_S))];
        return (StatusCode::SERVICE_UNAVAILABLE, headers).into_response();
    }
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot::wanted::tests::run;
    use crate::config::{Overrides, Settings};
    use axum::body::{Body, to_bytes};
    use ferric_model::ids::PortId;
    use ferric_model::node::NetworkBoot;
    use ferric_model::port::Port;
    use ferric_store::{RedbStore, Store, Transaction};
    use parking_lot::Mutex;
    use serde_json::json;
    use tower::ServiceExt;

    const MAC: &str = "52:54:00:00:00:01";

    struct Fixture {
        router: Router,
        seen: Arc<Mutex<Vec<String>>>,
        node: Node,
        directory: tempfile::TempDir,
    }

    async fn fixture(boot: NetworkBoot) -> Fixture {
        fixture_with(|node| node.network_boot = boot).await
    }

    async fn fixture_with(edit: impl FnOnce(&mut Node)) -> Fixture {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("kernel", "KERNEL"),
            ("ramdisk", "RAMDISK"),
            ("os.raw", "0123456789"),
        ] {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        let overrides = Overrides {
            state_dir: Some(directory.path().to_owned()),
            provision_listen: Some("192.168.100.1:6380".parse().unwrap()),
            ..Overrides::default()
        };
        let mut settings = Settings::load(None, overrides).unwrap();
        settings.boot.kernel = Some(directory.path().join("kernel").display().to_string());
        settings.boot.ramdisk = Some(directory.path().join("ramdisk").display().to_string());
        settings.image_paths = vec![directory.path().to_owned()];
        let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().unwrap());
        let mut node = Node::new(
            NodeId(Uuid::new_v4()),
            "redfish",
            jiff::Timestamp::UNIX_EPOCH,
        );
        edit(&mut node);
        let image = format!("file://{}", directory.path().join("os.raw").display());
        node.instance_info
            .insert("image_source".into(), json!(image));
        let port = Port::new(
            PortId(Uuid::new_v4()),
            MAC.parse().unwrap(),
            node.uuid,
            node.created_at,
        );
        store
            .commit(Transaction::new().put(&node).put(&port))
            .await
            .unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let observer: Observer = {
            let seen = Arc::clone(&seen);
            Arc::new(move |_, what| seen.lock().push(what))
        };
        crate::tls::install_provider();
        let plane = BootPlane::new(Arc::new(settings), store, reqwest::Client::new());
        Fixture {
            router: router(plane, observer),
            seen,
            node,
            directory,
        }
    }

    async fn get(fixture: &Fixture, path: &str, range: Option<&str>) -> (StatusCode, String) {
        let mut request = Request::get(path);
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        let response = fixture
            .router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_node_that_wants_the_ramdisk_gets_it() {
        let fixture = fixture(NetworkBoot::Ramdisk).await;
        let (status, script) = get(&fixture, "/boot/52-54-00-00-00-01.ipxe", None).await;
        let id = fixture.node.uuid;
        assert_eq!(status, StatusCode::OK);
        assert!(script.contains(&format!(
            "kernel http://192.168.100.1:6380/boot/files/{id}/kernel "
        )));
        assert!(
            script.contains("ipa-api-url=http://192.168.100.1:6380 "),
            "{script}"
        );
        let kernel = get(&fixture, &format!("/boot/files/{id}/kernel"), None).await;
        assert_eq!(kernel, (StatusCode::OK, "KERNEL".to_owned()));
        assert_eq!(
            *fixture.seen.lock(),
            [format!("boot script of {MAC}"), "kernel".to_owned()]
        );
    }

    #[tokio::test]
    async fn a_node_that_does_not_goes_on_to_its_disk() {
        let fixture = fixture(NetworkBoot::LocalDisk).await;
        let (_, script) = get(&fixture, "/boot/52-54-00-00-00-01.ipxe", None).await;
        assert!(
            script.contains("sanboot --no-describe --drive 0x80") && !script.contains("kernel ")
        );
        assert_eq!(
            get(&fixture, "/boot/52-54-00-00-00-02.ipxe", None).await.0,
            StatusCode::NOT_FOUND
        );
    }

    #[tokio::test]
    async fn kernel_and_image_are_served_only_while_they_are_wanted() {
        for (boot, run, expected) in [
            (NetworkBoot::Ramdisk, run("deploy", 1), [200, 200]),
            (NetworkBoot::LocalDisk, run("deploy", 2), [404, 404]),
            (NetworkBoot::Ramdisk, run("clean", 1), [200, 404]),
        ] {
            let fixture = fixture_with(|node| {
                node.network_boot = boot;
                node.run = Some(run);
            })
            .await;
            let id = fixture.node.uuid;
            let paths = [
                format!("/boot/files/{id}/kernel"),
                format!("/images/{id}/os.raw"),
            ];
            for (path, expected) in paths.into_iter().zip(expected) {
                assert_eq!(get(&fixture, &path, None).await.0, expected, "{path}");
            }
        }
        let active = fixture(NetworkBoot::LocalDisk).await;
        let path = format!("/images/{}/os.raw", active.node.uuid);
        assert_eq!(get(&active, &path, None).await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn images_are_served_by_range_and_nothing_else_is() {
        let fixture = fixture_with(|node| node.run = Some(run("deploy", 1))).await;
        let id = fixture.node.uuid;
        let part = get(&fixture, &format!("/images/{id}/os.raw"), Some("bytes=3-5")).await;
        assert_eq!(part, (StatusCode::PARTIAL_CONTENT, "345".to_owned()));
        let directory = fixture.directory.path().display();
        for path in [
            format!("/images/{id}/kernel"),
            format!("/images/{id}/..%2Fkernel"),
            format!("/images/{}/os.raw", Uuid::new_v4()),
            format!("/boot/files/{id}/store"),
            format!("/{directory}/kernel"),
        ] {
            assert_eq!(
                get(&fixture, &path, None).await.0,
                StatusCode::NOT_FOUND,
                "{path}"
            );
        }
    }

    #[test]
    fn a_store_that_is_away_is_not_a_node_that_is_not_there() {
        let away = BootError::Store(StoreError::Away {
            doing: "reading records",
            source: "the server is down".into(),
        });
        let response = failed(&away);
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(response.headers().contains_key(header::RETRY_AFTER));
    }
}
