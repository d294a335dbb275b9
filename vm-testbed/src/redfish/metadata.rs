//! What OData asks of a service: the document of its schemas and the list of its entry points. Both are open to everybody.

use axum::Json;
use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};

use super::{Bmc, paths};

/// Every schema that a body names, with its version (collections have none), and `Resource`, which the others are made of.
const SCHEMAS: [(&str, &str); 20] = [
    ("AccountService", "v1_13_0"),
    ("Bios", "v1_2_1"),
    ("Chassis", "v1_23_0"),
    ("ComputerSystem", "v1_20_1"),
    ("Drive", "v1_17_0"),
    ("EthernetInterface", "v1_9_0"),
    ("Manager", "v1_18_0"),
    ("ManagerAccount", "v1_10_0"),
    ("Memory", "v1_18_0"),
    ("Message", "v1_1_2"),
    ("Processor", "v1_18_0"),
    ("Resource", "v1_16_0"),
    ("Role", "v1_3_1"),
    ("ServiceRoot", "v1_15_0"),
    ("Session", "v1_3_0"),
    ("SessionService", "v1_1_8"),
    ("SimpleStorage", "v1_3_1"),
    ("Storage", "v1_15_0"),
    ("TaskService", "v1_2_0"),
    ("VirtualMedia", "v1_6_2"),
];
const COLLECTIONS: [&str; 13] = [
    "Chassis",
    "ComputerSystem",
    "EthernetInterface",
    "ManagerAccount",
    "Manager",
    "Memory",
    "Processor",
    "Role",
    "Session",
    "SimpleStorage",
    "Storage",
    "Task",
    "VirtualMedia",
];

pub(super) fn routes() -> Router<Bmc> {
    Router::new()
        .route(paths::METADATA, get(metadata))
        .route(paths::ODATA, get(async || Json(service_document())))
}

async fn metadata() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/xml")], document())
}

fn document() -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <edmx:Edmx xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\" Version=\"4.0\">\n",
    );
    for (schema, version) in SCHEMAS {
        text.push_str(&reference(
            schema,
            &[schema, &format!("{schema}.{version}")],
        ));
    }
    for collection in COLLECTIONS {
        let schema = format!("{collection}Collection");
        text.push_str(&reference(&schema, &[&schema]));
    }
    text.push_str(
        "  <edmx:Reference Uri=\"http://redfish.dmtf.org/schemas/v1/RedfishExtensions_v1.xml\">\n    \
             <edmx:Include Namespace=\"RedfishExtensions.v1_0_0\" Alias=\"Redfish\"/>\n  \
           </edmx:Reference>\n  \
           <edmx:DataServices>\n    \
             <Schema xmlns=\"http://docs.oasis-open.org/odata/ns/edm\" Namespace=\"Service\">\n      \
               <EntityContainer Name=\"Service\" Extends=\"ServiceRoot.v1_15_0.ServiceContainer\"/>\n    \
             </Schema>\n  \
           </edmx:DataServices>\n\
         </edmx:Edmx>\n",
    );
    text
}

fn reference(schema: &str, namespaces: &[&str]) -> String {
    let include = |namespace: &&str| format!("    <edmx:Include Namespace=\"{namespace}\"/>\n");
    let includes: String = namespaces.iter().map(include).collect();
    format!(
        "  <edmx:Reference Uri=\"http://redfish.dmtf.org/schemas/v1/{schema}_v1.xml\">\n{includes}  </edmx:Reference>\n"
    )
}

fn service_document() -> Value {
    let entry = |(name, url): (&str, &str)| json!({"name": name, "kind": "Singleton", "url": url});
    let entries = [
        ("Service", paths::ROOT),
        ("Systems", paths::SYSTEMS),
        ("Managers", paths::MANAGERS),
        ("Chassis", paths::CHASSIS_ALL),
        ("SessionService", paths::SESSION_SERVICE),
        ("AccountService", paths::ACCOUNT_SERVICE),
        ("Tasks", paths::TASK_SERVICE),
        ("Sessions", paths::SESSIONS),
    ];
    json!({"@odata.context": paths::METADATA, "value": entries.map(entry)})
}
