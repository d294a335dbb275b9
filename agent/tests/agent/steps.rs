//! The steps of cleaning, deploying and servicing: which are listed, and how one fails that cannot be run.

use serde_json::{Value, json};

use crate::process::{Api, serving};

fn clean_step(name: &str, priority: i64) -> Value {
    json!({
        "step": name, "interface": "deploy", "priority": priority, "reboot_requested": false, "abortable": true,
    })
}

fn raid_step(step: &str) -> Value {
    let mut raid = clean_step(step, 0);
    raid["interface"] = json!("raid");
    raid
}

#[tokio::test]
async fn steps_are_listed_by_kind() {
    let (_conductor, _place, _agent, api) = serving().await;
    let node = json!({"uuid": crate::conductor::NODE});
    let params = json!({"node": node, "ports": []});
    let clean = api
        .command("clean.get_clean_steps", params.clone())
        .await
        .body;
    assert_eq!(clean["command_name"], "get_clean_steps");
    let mut clean_uefi_nvram = clean_step("clean_uefi_nvram", 0);
    clean_uefi_nvram["argsinfo"] = clean["command_result"]["clean_steps"]["FerricAgent"]
        .as_array()
        .and_then(|steps| steps.iter().find(|step| step["step"] == "clean_uefi_nvram"))
        .map_or(Value::Null, |step| step["argsinfo"].clone());
    assert!(clean_uefi_nvram["argsinfo"]["match_patterns"].is_object());
    let expected = json!({
        "clean_steps": {"FerricAgent": [
            clean_step("erase_devices", 10), clean_step("erase_devices_metadata", 99),
            clean_step("erase_devices_express", 0), clean_step("erase_pstore", 0),
             clean_step("burnin_cpu", 0), clean_step("burnin_memory", 0), clean_step("burnin_disk", 0),
             clean_step("burnin_network", 0), clean_uefi_nvram,
             raid_step("delete_configuration"), raid_step("create_configuration"),
        ]},
        "hardware_manager_version": {"ferric_agent": "1"},
    });
    assert_eq!(clean["command_result"], expected);
    let deploy = api
        .command("deploy.get_deploy_steps", params.clone())
        .await
        .body;
    let steps = deploy["command_result"]["deploy_steps"]["FerricAgent"]
        .as_array()
        .unwrap();
    let names: Vec<&Value> = steps.iter().map(|step| &step["step"]).collect();
    let expected = [
        "erase_devices_metadata",
        "clean_uefi_nvram",
        "inject_files",
        "execute_bootc_install",
        "write_image",
        "apply_configuration",
    ];
    assert_eq!(names, expected);
    let service = api.command("service.get_service_steps", params).await.body;
    let steps = service["command_result"]["service_steps"]["FerricAgent"]
        .as_array()
        .unwrap();
    let names: Vec<&Value> = steps.iter().map(|step| &step["step"]).collect();
    let expected = [
        "inject_files",
        "execute_bootc_install",
        "burnin_cpu",
        "burnin_memory",
        "burnin_network",
        "write_image",
        "delete_configuration",
        "create_configuration",
        "apply_configuration",
    ];
    assert_eq!(names, expected);
    assert_eq!(steps[6], raid_step("delete_configuration"));
    assert_eq!(steps[7], raid_step("create_configuration"));
}

async fn step_error(api: &Api, name: &str, params: Value) -> (String, Value) {
    let result = api.finished(name, params).await;
    assert_eq!(result["command_result"], Value::Null, "{result}");
    (
        result["command_status"].as_str().unwrap().to_owned(),
        result["command_error"].clone(),
    )
}

#[tokio::test]
async fn steps_that_cannot_be_run_fail_with_a_sentence() {
    let (_conductor, _place, _agent, api) = serving().await;
    let node = json!({"uuid": crate::conductor::NODE});
    let step = json!({"interface": "deploy", "step": "burnin_moon", "args": {}});
    let params =
        json!({"step": step, "node": node, "ports": [], "clean_version": {"ferric_agent": "1"}});
    let (status, error) = step_error(&api, "clean.execute_clean_step", params).await;
    assert_eq!(status, "FAILED");
    let expected = json!({
        "type": "HardwareManagerMethodNotFound", "code": 500,
        "message": "No HardwareManager found to handle method",
        "details": "this agent has no clean step \"burnin_moon\"; it has: erase_devices, erase_devices_metadata, \
            erase_devices_express, erase_pstore, burnin_cpu, burnin_memory, burnin_disk, burnin_network, \
             clean_uefi_nvram, delete_configuration, create_configuration",
    });
    assert_eq!(error, expected);

    let params = json!({"step": step, "node": node, "ports": [], "clean_version": {"generic_hardware_manager": "1.2"}});
    let (status, error) = step_error(&api, "clean.execute_clean_step", params).await;
    assert_eq!(status, "CLEAN_VERSION_MISMATCH");
    assert_eq!(
        (&error["type"], &error["code"]),
        (&json!("VersionMismatch"), &json!(409))
    );

    let (status, error) =
        step_error(&api, "deploy.execute_deploy_step", json!({"node": node})).await;
    assert_eq!(status, "FAILED");
    assert_eq!(error["type"], "CommandExecutionError");
    assert!(
        error["details"]
            .as_str()
            .unwrap()
            .contains("\"step\" is missing"),
        "{error}"
    );
}
