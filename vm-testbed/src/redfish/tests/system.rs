//! What changes a system: its boot override and its resets.

use super::*;

#[tokio::test]
async fn the_override_is_changed_in_parts_and_read_back() {
    let client = Client::new().await;
    let boot = async || {
        let boot = &client.get(SYSTEM).await["Boot"];
        ["Target", "Enabled", "Mode"].map(|key| boot[format!("BootSourceOverride{key}")].clone())
    };
    for (patch, expected) in [
        (
            json!({"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}),
            ["Pxe", "Once", "Legacy"],
        ),
        (
            json!({"BootSourceOverrideEnabled": "Continuous"}),
            ["Pxe", "Continuous", "Legacy"],
        ),
        (
            json!({"BootSourceOverrideMode": "UEFI"}),
            ["Pxe", "Continuous", "UEFI"],
        ),
    ] {
        assert_eq!(
            client
                .status(Method::PATCH, SYSTEM, json!({"Boot": patch}))
                .await,
            204,
            "{patch}"
        );
        assert_eq!(boot().await, expected.map(|text| json!(text)), "{patch}");
    }
    for patch in [
        json!({"Boot": {"BootSourceOverrideTarget": "Floppy"}}),
        json!({"Boot": {"BootSourceOverrideTarget": null}}),
        json!({"Boot": {"BootOrder": []}}),
        json!({"Boot": 1}),
        json!({"PowerState": "On"}),
        json!({"Boot": {}}),
        json!({"@odata.etag": "x"}),
        json!({}),
        json!([]),
    ] {
        assert_eq!(
            client.status(Method::PATCH, SYSTEM, patch.clone()).await,
            400,
            "{patch}"
        );
    }
    assert_eq!(
        boot().await,
        ["Pxe", "Continuous", "UEFI"].map(|text| json!(text)),
        "a refused change changes nothing"
    );
}

#[tokio::test]
async fn an_old_entity_tag_is_refused() {
    let client = Client::new().await;
    let got = client
        .send(Method::GET, SYSTEM, &[("authorization", BASIC)], None)
        .await;
    let old = got.headers()[header::ETAG].to_str().unwrap().to_owned();
    let patch = async |tag: &str, target: &str| {
        let body = json!({"Boot": {"BootSourceOverrideTarget": target}});
        let headers = [("authorization", BASIC), ("if-match", tag)];
        client
            .send(Method::PATCH, SYSTEM, &headers, Some(body))
            .await
            .status()
            .as_u16()
    };
    let weak = format!("W/{old}");
    assert_eq!(patch(&weak, "Pxe").await, 204);
    assert_eq!(
        [
            patch(&old, "Cd").await,
            patch(&weak, "Cd").await,
            patch("*", "Cd").await
        ],
        [412, 412, 204]
    );
}

#[tokio::test]
async fn resets_change_the_power_state_or_say_why_not() {
    let client = Client::new().await;
    let target = format!("{SYSTEM}/Actions/ComputerSystem.Reset");
    for (body, expected, power) in [
        (json!({"ResetType": "On"}), 204, "On"),
        (json!({"ResetType": "ForceRestart"}), 204, "On"),
        (json!({"ResetType": "ForceOff"}), 204, "Off"),
        (json!({"ResetType": "GracefulRestart"}), 409, "Off"),
        (json!({"ResetType": "Cut"}), 400, "Off"),
        (json!({}), 400, "Off"),
    ] {
        assert_eq!(
            client.status(Method::POST, &target, body.clone()).await,
            expected,
            "{body}"
        );
        assert_eq!(
            client.get(SYSTEM).await["PowerState"],
            json!(power),
            "{body}"
        );
    }
}
