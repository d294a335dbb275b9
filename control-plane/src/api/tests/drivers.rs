//! That the drivers are those of all live conductors, whichever of them is asked.

use super::fixture::Server;
use ferric_model::conductor::ConductorRecord;
use ferric_store::{Query, Table, Transaction};
use http::StatusCode;
use serde_json::{Value, json};

async fn registered(server: &Server) -> ConductorRecord {
    let query = Query::all(Table::Conductor);
    let page = server.conductor.store().page(&query).await.unwrap();
    page.records[0].decode().unwrap()
}

async fn put(server: &Server, record: &ConductorRecord) {
    let change = Transaction::new().put(record);
    server.conductor.store().commit(change).await.unwrap();
}

/// As if these hardware types alone were enabled there.
fn narrowed(record: &ConductorRecord, drivers: &[&str]) -> ConductorRecord {
    let mut record = record.clone();
    let is_left = |name: &String| drivers.contains(&name.as_str());
    record.drivers.retain(is_left);
    record.interfaces.retain(|name, _| is_left(name));
    record
}

async fn hosts(server: &Server) -> Value {
    let list = server.get("/v1/drivers").await.body;
    let drivers = list["drivers"].as_array().unwrap().iter();
    drivers
        .map(|driver| json!([driver["name"], driver["hosts"]]))
        .collect()
}

#[tokio::test]
async fn the_drivers_of_two_conductors_are_told_of_by_either() {
    let server = Server::start().await;
    let whole = registered(&server).await;
    assert_eq!(
        whole.interfaces.keys().collect::<Vec<_>>(),
        whole.drivers.iter().collect::<Vec<_>>()
    );
    let mut one = narrowed(&whole, &["fake-hardware", "redfish"]);
    let bios = |of: &mut ConductorRecord, name: &str| {
        let kinds = of.interfaces.get_mut("redfish").unwrap();
        let bios = kinds.get_mut("bios").unwrap();
        bios.enabled = vec![name.to_owned()];
        bios.default = Some(name.to_owned());
    };
    bios(&mut one, "redfish");
    put(&server, &one).await;
    let mut two = narrowed(&whole, &["manual-management", "redfish"]);
    two.hostname = format!("{}-two", one.hostname);
    bios(&mut two, "no-bios");
    put(&server, &two).await;

    let (first, second) = (&one.hostname, &two.hostname);
    let expected = json!([
        ["fake-hardware", [first]],
        ["manual-management", [second]],
        ["redfish", [first, second]],
    ]);
    assert_eq!(hosts(&server).await, expected);
    let redfish = server.get("/v1/drivers/redfish").await.body;
    assert_eq!(
        redfish["enabled_bios_interfaces"],
        json!(["redfish", "no-bios"])
    );
    assert_eq!(redfish["default_bios_interface"], "redfish");
    assert_eq!(redfish["enabled_power_interfaces"], json!(["redfish"]));
    let of_the_other = [
        "/v1/drivers/manual-management",
        "/v1/drivers/manual-management/properties",
        "/v1/drivers/manual-management/raid/logical_disk_properties",
        "/v1/drivers/manual-management/vendor_passthru/methods",
    ];
    for path in of_the_other {
        assert_eq!(server.get(path).await.status, StatusCode::OK, "{path}");
    }

    two.online = false;
    put(&server, &two).await;
    let expected = json!([["fake-hardware", [first]], ["redfish", [first]]]);
    assert_eq!(hosts(&server).await, expected);
    for path in of_the_other {
        let status = server.get(path).await.status;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let redfish = server.get("/v1/drivers/redfish").await.body;
    assert_eq!(redfish["enabled_bios_interfaces"], json!(["redfish"]));
}
