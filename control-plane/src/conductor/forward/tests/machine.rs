//! What is asked of a machine beside power and boot device, by way of a conductor that does not have its node.

use super::fixture::{Cell, NODE};
use super::until;
use crate::conductor::requests::{ConsoleShown, RequestError, VendorOutcome, VendorRequest};
use ferric_drivers::{BootMode, Component, IndicatorState, SecureBootState};
use serde_json::json;

#[tokio::test]
async fn settings_are_changed_and_consoles_opened_by_the_owner() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    let asked = &two.conductor;
    asked.set_boot_mode(NODE, BootMode::Uefi).await.unwrap();
    until("the boot mode", async || {
        cell.node().await.boot_mode.as_deref() == Some("uefi")
    })
    .await;
    let on = asked.set_secure_boot(NODE, SecureBootState::On).await;
    on.unwrap();
    until("secure boot", async || {
        cell.node().await.secure_boot == Some(true)
    })
    .await;
    asked.open_console(NODE).await.unwrap();
    until("the console", async || cell.node().await.console_enabled).await;
    let console = asked.console(NODE).await.unwrap();
    assert_eq!(console, ConsoleShown::Open(None));
    asked.close_console(NODE).await.unwrap();
    until("its end", async || !cell.node().await.console_enabled).await;
    let node = cell.node().await;
    assert_eq!(node.ownership.unwrap().conductor, "one");
}

#[tokio::test]
async fn lights_and_interrupts_are_asked_of_the_owner() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    let (asked, led) = (&two.conductor, || "led".to_owned());
    assert_eq!(asked.indicators(NODE).await.unwrap().len(), 2);
    let off = asked.set_indicator(NODE, Component::System, led(), IndicatorState::Off);
    off.await.unwrap();
    let state = asked.indicator(NODE, Component::System, led()).await;
    assert_eq!(state.unwrap(), "off");
    match asked.inject_nmi(NODE).await {
        Err(RequestError::Invalid(text)) => assert!(text.contains("machine is on"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn vendor_methods_are_called_by_the_owner() {
    let cell = Cell::new();
    let (_one, two) = cell.pair().await;
    let call = |method: &str, bar: &str| {
        let request = VendorRequest {
            method: method.to_owned(),
            http_method: "POST".to_owned(),
            arguments: json!({"bar": bar}),
        };
        two.conductor.call_vendor_method(NODE, request)
    };
    let said = call("third_method_sync", "meow").await.unwrap();
    assert_eq!(said, VendorOutcome::Value(json!(true)));
    let begun = call("second_method", "kazoo").await.unwrap();
    assert_eq!(begun, VendorOutcome::Begun);
    until("its end", async || cell.node().await.wish.is_none()).await;
    match call("dance", "now").await {
        Err(RequestError::Invalid(text)) => assert_eq!(text, "No handler for method dance"),
        other => panic!("{other:?}"),
    }
    let node = cell.node().await;
    assert_eq!(node.ownership.unwrap().conductor, "one");
    assert_eq!(node.last_error, None);
}
