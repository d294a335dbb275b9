//! On an ordinary host the agent does nothing to the machine, whatever it is told and whoever started it.
//!
//! The victims are a loop device of the test's own and the machine itself, which must be as it was afterwards.

use std::path::Path;

use ferric_agent::run::run;
use serde_json::{Value, json};

use crate::conductor::Conductor;
use crate::loop_device::Loop;
use crate::orders::{clean, erase, image_info, write};
use crate::process::{Agent, Api, Place, serving};

async fn check_refused(api: &Api, name: &str, params: Value) {
    let result = api.finished(name, params).await;
    assert_eq!(result["command_status"], "FAILED", "{name}: {result}");
    let details = result["command_error"]["details"].as_str().unwrap();
    assert!(
        details.contains("is refused: / is not a RAM file system"),
        "{name}: {details}"
    );
}

fn interfaces_that_are_up() -> Vec<u8> {
    run("ip", &["-o", "link", "show", "up"]).unwrap().stdout
}

async fn refuses_everything(conductor: &Conductor, agent: &mut Agent, api: &Api, disk: &Loop) {
    let rescued = Path::new("/etc/.rescued");
    assert!(!rescued.exists());
    let up = interfaces_that_are_up();
    let device = &disk.device;
    let image = image_info(conductor, &[7; 1 << 20]);
    for step in [
        "erase_devices",
        "erase_devices_metadata",
        "erase_devices_express",
        "erase_pstore",
        "delete_configuration",
        "create_configuration",
        "burnin_cpu",
        "burnin_memory",
        "burnin_disk",
        "burnin_network",
        "clean_uefi_nvram",
        "generic_container_step",
    ] {
        check_refused(api, "clean.execute_clean_step", clean(device, step)).await;
    }
    check_refused(api, "deploy.execute_deploy_step", erase(device)).await;
    check_refused(api, "deploy.execute_deploy_step", write(device, &image)).await;
    check_refused(
        api,
        "standby.prepare_image",
        json!({"image_info": image, "configdrive": null}),
    )
    .await;
    let loader = json!({
        "root_uuid": "0x00000000", "efi_system_part_uuid": null, "prep_boot_part_uuid": null,
        "target_boot_mode": "uefi",
    });
    check_refused(api, "image.install_bootloader", loader).await;
    let bootc = json!({"image_source": "oci://example.com/os:1"});
    check_refused(api, "standby.execute_bootc_install", bootc).await;
    let files = json!([{"path": "/etc/motd", "content": "aGVsbG8="}]);
    let mut inject = clean(device, "inject_files");
    inject["step"]["args"]["files"] = files;
    check_refused(api, "deploy.execute_deploy_step", inject).await;
    check_refused(api, "standby.discard_image", json!({})).await;
    check_refused(api, "standby.power_off", json!({})).await;
    check_refused(api, "standby.run_image", json!({})).await;
    let rescue = json!({"rescue_password": "$5$salt$hash", "hashed": true});
    check_refused(api, "rescue.finalize_rescue", rescue).await;
    check_refused(api, "system.lockdown", json!({})).await;
    check_refused(
        api,
        "flow.start_flow",
        json!({"flow": [{"standby.power_off": {}}]}),
    )
    .await;
    assert!(agent.is_running());
    assert_eq!(api.commands().await.len(), 24);
    assert!(
        disk.content() == Loop::pattern(),
        "the loop device was written to"
    );
    assert!(!rescued.exists());
    assert_eq!(interfaces_that_are_up(), up);
}

#[tokio::test]
async fn an_agent_on_an_ordinary_host_refuses_all_that_changes_it() {
    let disk = Loop::new();
    let (conductor, _place, mut agent, api) = serving().await;
    refuses_everything(&conductor, &mut agent, &api, &disk).await;
}

/// What settings want at start is refused as well: virtual media, a clock and VLAN interfaces are somebody else's.
#[tokio::test]
async fn settings_do_not_change_an_ordinary_host() {
    let conductor = Conductor::start().await;
    let place = Place::new();
    place.cmdline(
        "boot_method=vmedia ipa-ntp-server=192.0.2.1 ipa-enable-vlan-interfaces=lo.7,eth0.7",
    );
    std::fs::write(
        place.path().join("conf/a.conf"),
        "fail_if_clock_not_set = true\n",
    )
    .unwrap();
    let links = || run("ip", &["-o", "link", "show"]).unwrap().stdout;
    let before = links();
    let agent = place.start(&conductor, &[]);
    conductor.heartbeat(1).await;
    for expected in [
        "virtual media are read in a ramdisk only",
        "no VLAN interfaces are added",
        "the clock stays as it is",
        "changing the running system is refused",
    ] {
        assert!(agent.log().contains(expected), "{}", agent.log());
    }
    assert_eq!(links(), before);
}

/// One device is named: it is the only one that is written, and everything else is refused as before.
#[tokio::test]
async fn a_named_device_is_the_only_one_that_is_written() {
    let (named, other) = (Loop::new(), Loop::new());
    let conductor = Conductor::start().await;
    let place = Place::new();
    let _agent = place.start(
        &conductor,
        &["--only-device", named.device.to_str().unwrap()],
    );
    let api = Api::of(&conductor.heartbeat(1).await);

    let inventory = api.command("poll.get_hardware_info", json!({})).await.body;
    let disks = inventory["command_result"]["disks"].as_array().unwrap();
    let names: Vec<&Value> = disks.iter().map(|disk| &disk["name"]).collect();
    assert_eq!(names, [&json!(named.device)]);

    let result = api
        .finished("clean.execute_clean_step", erase(&other.device))
        .await;
    assert_eq!(result["command_status"], "SUCCEEDED", "{result}");
    let erased = named.content();
    assert!(
        erased[..512].iter().all(|byte| *byte == 0),
        "the beginning of the named device is not erased"
    );
    assert!(
        other.content() == Loop::pattern(),
        "the other loop device was written to"
    );

    let image = image_info(&conductor, &[7; 1 << 20]);
    let result = api
        .finished("deploy.execute_deploy_step", write(&other.device, &image))
        .await;
    assert_eq!(result["command_status"], "FAILED");
    let details = result["command_error"]["details"].as_str().unwrap();
    assert!(
        details.starts_with("no disk matches the root device hints"),
        "{details}"
    );
    assert!(
        other.content() == Loop::pattern(),
        "the other loop device was written to"
    );

    let order = clean(&other.device, "erase_devices");
    let result = api.finished("clean.execute_clean_step", order).await;
    assert_eq!(result["command_status"], "SUCCEEDED", "{result}");
    let records = result["command_result"]["clean_result"]
        .as_object()
        .unwrap();
    let names: Vec<&String> = records.keys().collect();
    assert_eq!(names, [named.name()]);
    let record = &records[named.name()];
    assert_eq!(
        record["method"],
        json!({"overwrite": {"random_passes": 1, "zeroed": true}}),
        "{record}"
    );
    assert!(named.content().iter().all(|byte| *byte == 0));
    assert!(
        other.content() == Loop::pattern(),
        "the other loop device was written to"
    );

    check_refused(&api, "standby.power_off", json!({})).await;
    check_refused(&api, "system.lockdown", json!({})).await;
}
