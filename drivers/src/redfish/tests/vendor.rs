//! Subscriptions to a BMC's events, and the vendor's way to virtual media.

use serde_json::{Value, json};

use super::fake_bmc::FakeBmc;
use super::machine;
use super::oddities::{Call, Oddities, Reply, Resources};
use crate::{BmcError, Drivers, Hardware, VendorError, VendorReply};

const SERVICE: &str = "/redfish/v1/EventService";
const SUBSCRIPTIONS: &str = "/redfish/v1/EventService/Subscriptions";
const CD: &str = "/redfish/v1/Systems/1/VirtualMedia/Cd";

fn effect(resources: &mut Resources, call: &Call<'_>) -> Option<Reply> {
    match call.method {
        "POST" if call.path == SUBSCRIPTIONS => {
            let path = format!("{SUBSCRIPTIONS}/7");
            let mut made = call.body.clone();
            made["Id"] = json!("7");
            resources.insert(path.clone(), made);
            resources.get_mut(SUBSCRIPTIONS)?["Members"] = json!([{"@odata.id": path}]);
            Some(Reply {
                status: 201,
                location: Some(format!("https://192.0.2.1{path}")),
            })
        }
        "DELETE" => match resources.remove(call.path) {
            Some(_) => Some(Reply::new(204)),
            None => Some(Reply::new(404)),
        },
        "POST" if call.path.starts_with(CD) => {
            resources.get_mut(CD)?["Inserted"] = json!(false);
            Some(Reply::new(204))
        }
        _ => None,
    }
}

fn bmc() -> Oddities {
    let link = |path: &str| json!({"@odata.id": path});
    let drives = "/redfish/v1/Systems/1/VirtualMedia";
    let eject = json!({"#VirtualMedia.EjectMedia": {"target": format!("{CD}/Actions/VirtualMedia.EjectMedia")}});
    let root = json!({"Systems": link("/redfish/v1/Systems"), "EventService": link(SERVICE)});
    Oddities {
        system: json!({"VirtualMedia": link(drives)}),
        resources: vec![
            ("/redfish/v1/", root),
            (
                SERVICE,
                json!({
                    "Subscriptions": link(SUBSCRIPTIONS), "EventTypesForSubscription": ["Alert", "StatusChange"],
                }),
            ),
            (
                SUBSCRIPTIONS,
                json!({"@odata.id": SUBSCRIPTIONS, "Members": []}),
            ),
            (drives, json!({"Members": [link(CD)]})),
            (
                CD,
                json!({
                    "@odata.id": CD, "MediaTypes": ["CD"], "Inserted": true, "Image": "http://a/b", "Actions": eject,
                }),
            ),
        ],
        effect,
        ..Oddities::default()
    }
}

/// As the conductor does it.
async fn call(hardware: &Hardware, method: &str, arguments: Value) -> Result<Value, VendorError> {
    let Value::Object(arguments) = arguments else {
        panic!("arguments are an object");
    };
    let vendor = hardware.vendor.as_deref().unwrap();
    vendor.validate(method, &arguments).await?;
    vendor.call(method, &arguments).await
}

fn posted(bmc: &FakeBmc) -> Vec<Value> {
    let start = format!("POST {SUBSCRIPTIONS} ");
    let log = bmc.log();
    let bodies = log.iter().filter_map(|line| line.strip_prefix(&start));
    bodies
        .map(|body| serde_json::from_str(body).unwrap())
        .collect()
}

#[tokio::test]
async fn a_subscription_is_made_shown_and_deleted() {
    let (bmc, hardware) = machine(bmc()).await;
    let headers = json!([{"X-Token": "secret"}]);
    let wanted = json!({"Destination": "https://listener/events", "Context": "mine", "HttpHeaders": headers});
    let made = call(&hardware, "create_subscription", wanted)
        .await
        .unwrap();
    let expected = json!({
        "Id": "7", "Context": "mine", "Protocol": "Redfish", "Destination": "https://listener/events",
        "EventTypes": ["Alert"],
    });
    assert_eq!(made, expected);
    let sent = &posted(&bmc)[0];
    assert_eq!(sent["HttpHeaders"], headers);
    let shown = call(&hardware, "get_subscription", json!({"id": "7"}))
        .await
        .unwrap();
    assert_eq!(shown, expected);
    let all = call(&hardware, "get_all_subscriptions", json!({}))
        .await
        .unwrap();
    let member = json!({"@odata.id": format!("{SUBSCRIPTIONS}/7")});
    assert_eq!(all["Members"], json!([member]));
    let deleted = call(&hardware, "delete_subscription", json!({"id": "7"}))
        .await
        .unwrap();
    assert_eq!(deleted, Value::Null);
    for method in ["get_subscription", "delete_subscription"] {
        let gone = call(&hardware, method, json!({"id": 7})).await.unwrap_err();
        assert!(matches!(gone, VendorError::NotFound(_)), "{method}: {gone}");
    }
}

#[tokio::test]
async fn wrong_arguments_are_named_and_never_sent() {
    let (bmc, hardware) = machine(bmc()).await;
    let good = "https://listener/events";
    for (method, arguments, text) in [
        (
            "create_subscription",
            json!({}),
            "Destination null is not a valid URI",
        ),
        (
            "create_subscription",
            json!({"Destination": "listener"}),
            "is not a valid URI",
        ),
        (
            "create_subscription",
            json!({"Destination": "mailto:a@b"}),
            "is not a valid URI",
        ),
        (
            "create_subscription",
            json!({"Destination": good, "Context": 1}),
            "Context 1 is not a string",
        ),
        (
            "create_subscription",
            json!({"Destination": good, "Protocol": {}}),
            "Protocol {} is not a string",
        ),
        (
            "create_subscription",
            json!({"Destination": good, "HttpHeaders": "x"}),
            "HttpHeaders is not a list",
        ),
        (
            "create_subscription",
            json!({"Destination": good, "EventTypes": "Alert"}),
            "EventTypes \"Alert\"",
        ),
        (
            "create_subscription",
            json!({"Destination": good, "EventTypes": ["Dance"]}),
            "values Alert, StatusChange",
        ),
        ("delete_subscription", json!({}), "id can't be None"),
        (
            "delete_subscription",
            json!({"id": "../../Systems/1"}),
            "is none of a subscription",
        ),
        (
            "get_subscription",
            json!({"id": ".."}),
            "is none of a subscription",
        ),
        (
            "eject_vmedia",
            json!({"boot_device": "tape"}),
            "Boot device \"tape\" is not a valid value",
        ),
        ("send_raw", json!({}), "No handler for method send_raw"),
    ] {
        let refused = call(&hardware, method, arguments).await.unwrap_err();
        assert!(refused.to_string().contains(text), "{refused}");
        assert!(!matches!(refused, VendorError::Bmc(_)), "{refused}");
    }
    assert!(bmc.log().iter().all(|line| line.starts_with("GET")));
}

#[tokio::test]
async fn drives_are_emptied() {
    let (bmc, hardware) = machine(bmc()).await;
    let floppy = call(&hardware, "eject_vmedia", json!({"boot_device": "floppy"})).await;
    assert_eq!(floppy.unwrap(), Value::Null);
    assert_eq!(bmc.resource(CD)["Inserted"], json!(true));
    let all = call(&hardware, "eject_vmedia", json!({})).await;
    assert_eq!(all.unwrap(), Value::Null);
    assert_eq!(bmc.resource(CD)["Inserted"], json!(false));
}

#[tokio::test]
async fn a_bmc_without_events_says_so() {
    let (_bmc, hardware) = machine(Oddities::default()).await;
    let refused = call(&hardware, "get_all_subscriptions", json!({})).await;
    match refused.unwrap_err() {
        VendorError::Bmc(BmcError::NotOffered { wanted, .. }) => assert_eq!(wanted, "EventService"),
        other => panic!("{other}"),
    }
}

#[test]
fn only_what_may_be_done_twice_is_done_later() {
    let later = Drivers::vendor_methods("redfish").iter();
    let later = later.filter(|method| method.reply == VendorReply::Later);
    assert_eq!(
        later.map(|method| method.name).collect::<Vec<_>>(),
        ["eject_vmedia"]
    );
}
