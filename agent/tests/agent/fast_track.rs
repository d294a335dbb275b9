//! Fast track: an agent that is up goes through inspection, cleaning and a deploy without a restart of its machine, and
//! is the same one to its conductor all the while.

use serde_json::json;

use crate::conductor::{Conductor, NODE};
use crate::deploy::image;
use crate::loop_device::Loop;
use crate::orders::{erase, image_info, write};
use crate::process::{Api, Place};

#[tokio::test]
async fn one_agent_is_inspected_cleans_and_deploys() {
    let disk = Loop::new();
    let conductor = Conductor::start().await;
    let place = Place::new();
    place.cmdline("ipa-inspection-collectors=default ipa-inspection-dhcp-wait-timeout=0");
    let _agent = place.start(&conductor, &["--only-device", disk.name()]);
    let beat = conductor.heartbeat(1).await;
    let api = Api::of(&beat);
    let of_inspection = conductor.inspection(1).await.body["inventory"]["disks"].clone();
    let bring = json!({"node": {"uuid": NODE}, "ports": []});

    let listed = api.finished("clean.get_clean_steps", bring.clone()).await;
    let version = listed["command_result"]["hardware_manager_version"].clone();
    let mut order = erase(&disk.device);
    order["clean_version"] = version.clone();
    let cleaned = api.finished("clean.execute_clean_step", order).await;
    assert_eq!(cleaned["command_status"], "SUCCEEDED", "{cleaned}");
    // A conductor that has no root device hints reads the inventory again.
    let read = api.finished("poll.get_hardware_info", json!({})).await;
    assert_eq!(read["command_result"]["disks"], of_inspection);

    api.finished("deploy.get_deploy_steps", bring).await;
    let mut order = write(&disk.device, &image_info(&conductor, &image()));
    order["deploy_version"] = version;
    let written = api.finished("deploy.execute_deploy_step", order).await;
    assert_eq!(written["command_status"], "SUCCEEDED", "{written}");
    assert!(
        disk.content()[..4 << 20] == image(),
        "the disk does not hold the image"
    );

    conductor.heartbeat(2).await;
    let beats = conductor.heartbeats();
    assert!(beats.iter().all(|later| later.body == beat.body));
    assert_eq!(
        (conductor.lookups().len(), conductor.inspections().len()),
        (1, 1)
    );
    let commands = api.commands().await;
    let names = commands.iter().map(|command| &command["command_name"]);
    let expected = [
        "get_clean_steps",
        "execute_clean_step",
        "get_hardware_info",
        "get_deploy_steps",
        "execute_deploy_step",
    ];
    assert!(names.eq(expected.iter()));
}
