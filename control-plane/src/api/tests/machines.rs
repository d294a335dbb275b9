//! That the operators' API is out of the reach of machines.

use super::fixture::{Answer, Server, send};
use http::{Method, StatusCode};
use serde_json::{Value, json};

/// Every route of the operator's that machines have no business with.
const OPERATORS: &[(Method, &str)] = &[
    (Method::GET, "/v1/nodes"),
    (Method::POST, "/v1/nodes"),
    (Method::GET, "/v1/nodes/detail"),
    (Method::GET, "/v1/nodes/validate"),
    (Method::GET, "/v1/nodes/{n}"),
    (Method::PATCH, "/v1/nodes/{n}"),
    (Method::DELETE, "/v1/nodes/{n}"),
    (Method::GET, "/v1/nodes/{n}/states"),
    (Method::PUT, "/v1/nodes/{n}/states/power"),
    (Method::PUT, "/v1/nodes/{n}/states/provision"),
    (Method::PUT, "/v1/nodes/{n}/maintenance"),
    (Method::DELETE, "/v1/nodes/{n}/maintenance"),
    (Method::GET, "/v1/nodes/{n}/management/boot_device"),
    (Method::PUT, "/v1/nodes/{n}/management/boot_device"),
    (
        Method::GET,
        "/v1/nodes/{n}/management/boot_device/supported",
    ),
    (Method::GET, "/v1/nodes/{n}/validate"),
    (Method::GET, "/v1/nodes/{n}/inventory"),
    (Method::GET, "/v1/nodes/{n}/children"),
    (Method::GET, "/v1/nodes/{n}/bios"),
    (Method::GET, "/v1/nodes/{n}/firmware"),
    (Method::GET, "/v1/nodes/{n}/vmedia"),
    (Method::POST, "/v1/nodes/{n}/vmedia"),
    (Method::DELETE, "/v1/nodes/{n}/vmedia"),
    (Method::GET, "/v1/nodes/{n}/history"),
    (Method::GET, "/v1/nodes/{n}/vifs"),
    (Method::GET, "/v1/nodes/{n}/traits"),
    (Method::PUT, "/v1/nodes/{n}/traits"),
    (Method::GET, "/v1/nodes/{n}/ports"),
    (Method::GET, "/v1/nodes/{n}/portgroups"),
    (Method::GET, "/v1/nodes/{n}/volume"),
    (Method::GET, "/v1/nodes/{n}/volume/connectors"),
    (Method::GET, "/v1/nodes/{n}/volume/targets"),
    (Method::GET, "/v1/ports"),
    (Method::POST, "/v1/ports"),
    (Method::GET, "/v1/ports/detail"),
    (Method::GET, "/v1/drivers"),
    (Method::GET, "/v1/drivers/fake-hardware"),
    (Method::GET, "/v1/deploy_templates"),
    (Method::POST, "/v1/deploy_templates"),
    (Method::GET, "/v1/runbooks"),
    (Method::POST, "/v1/runbooks"),
    (Method::GET, "/v1/conductors"),
    (Method::GET, "/ferric/v1/nodes/{n}/timeline"),
];

#[tokio::test]
async fn nothing_of_the_operators_is_reachable_by_machines() {
    let server = Server::start().await;
    let node = server.node("a").await;
    for (method, path) in OPERATORS {
        let path = path.replace("{n}", &node);
        // A body that is refused, so that the operator's side changes nothing.
        let known = send(&server.operator, "latest", method.clone(), &path, "{").await;
        assert!(
            is_routed(&known),
            "{method} {path} is not one of the operator's routes any more"
        );
        let forms = [
            path.clone(),
            format!("{path}/"),
            path.trim_start_matches("/v1").to_owned(),
            format!("/{path}"),
            format!("/v1{path}"),
        ];
        for form in forms {
            let answer = send(&server.machine, "latest", method.clone(), &form, "{}").await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {form}");
            assert!(!is_routed(&answer), "{method} {form}");
        }
        // A node that the loop deleted is made again.
        if server.get(&format!("/v1/nodes/{node}")).await.status == StatusCode::NOT_FOUND {
            let again = json!({"driver": "fake-hardware", "uuid": node});
            server.call(Method::POST, "/v1/nodes", again).await;
        }
    }
}

/// The paths of all routes in the sources of the API, with what stands for a name or an id filled in.
fn paths(folder: &std::path::Path, node: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        if path.is_dir() && name != "tests" && name != "machines" {
            found.extend(paths(&path, node));
        }
        if !name.ends_with(".rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let routes = source.split(".route(").skip(1);
        // Those of resources that share their routes stand in `OPERATORS`.
        let spelt = routes
            .filter_map(|route| route.split('"').nth(1))
            .filter(|path| path.starts_with('/'));
        found.extend(spelt.map(|path| {
            let parts = path.split('/').map(|part| match part {
                "{node}" => node,
                part if part.starts_with('{') => "anything",
                part => part,
            });
            parts.collect::<Vec<_>>().join("/")
        }));
    }
    found
}

/// Also of those that nobody thought of when this was written.
#[tokio::test]
async fn no_path_of_the_operators_is_routed_for_machines() {
    let server = Server::start().await;
    let node = server.node("a").await;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
    let mut operators = paths(&folder, &node);
    operators.retain(|path| path != "/" && path != "/v1");
    assert!(operators.len() >= 36, "only {operators:?} found");
    // OPTIONS is answered for every path alike, known or not.
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    for path in operators {
        for method in &methods {
            let answer = send(&server.machine, "latest", method.clone(), &path, "{}").await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
}

/// What conductors say to each other goes by a listener of its own, behind certificates.
#[tokio::test]
async fn calls_of_conductors_are_routed_nowhere_else() {
    let server = Server::start().await;
    for path in [
        "/cluster/v1/hello",
        "/cluster/v1/call",
        "/v1/cluster/v1/call",
    ] {
        for method in [Method::GET, Method::POST] {
            for router in [&server.operator, &server.machine] {
                let answer = send(router, "latest", method.clone(), path, "{}").await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path}");
            }
        }
    }
}

/// Whether a resource answered, and not the router.
fn is_routed(answer: &Answer) -> bool {
    let inner = answer.body["error_message"].as_str().unwrap_or_default();
    let inner: Value = serde_json::from_str(inner).unwrap_or_default();
    inner.get("code").is_none()
}

#[tokio::test]
async fn machines_find_out_which_versions_there_are() {
    let server = Server::start().await;
    for path in ["/", "/v1", "/v1/"] {
        let answer = send(&server.machine, "latest", Method::GET, path, "").await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(
            answer.headers["x-openstack-ironic-api-maximum-version"],
            "1.115"
        );
    }
    let v1 = send(&server.machine, "latest", Method::GET, "/v1", "").await;
    let mut linked: Vec<_> = v1.body.as_object().unwrap().keys().collect();
    linked.retain(|key| !["id", "links", "media_types", "version"].contains(&key.as_str()));
    assert_eq!(linked, ["lookup", "heartbeat", "continue_inspection"]);
}
