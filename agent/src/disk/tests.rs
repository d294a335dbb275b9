//! Which disks are seen and chosen, with block devices of this machine that the tests made.

use ferric_agent_protocol::node::Node;
use serde_json::json;

use super::testing::LoopDisk;
use super::{list_block_devices, partition_uuids, root_device, sync_all};
use crate::host::Host;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn host_of(disks: &[&LoopDisk]) -> Host {
    let paths: Vec<_> = disks.iter().map(|disk| disk.path().to_owned()).collect();
    Host::detect(&paths).unwrap()
}

fn node(properties: &serde_json::Value) -> Node {
    let uuid = "1be26c0b-03f2-4d2e-ae87-c02d7f33c781";
    serde_json::from_value(json!({"uuid": uuid, "properties": properties})).unwrap()
}

#[test]
fn an_ordinary_host_has_no_disks_but_the_named_ones() {
    assert_eq!(list_block_devices(&host_of(&[])).unwrap(), []);
    let (first, second) = (LoopDisk::new(64 * MIB, 512), LoopDisk::new(32 * MIB, 4096));
    let listed = list_block_devices(&host_of(&[&first, &second])).unwrap();
    let mut found: Vec<_> = listed
        .iter()
        .map(|disk| (disk.name.as_str(), disk.size, disk.logical_sectors))
        .collect();
    found.sort_unstable();
    let name = |disk: &LoopDisk| disk.path().to_str().unwrap().to_owned();
    let (first, second) = (name(&first), name(&second));
    let mut expected = vec![
        (first.as_str(), 64 * MIB, Some(512)),
        (second.as_str(), 32 * MIB, Some(4096)),
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn the_root_device_follows_hints_skip_list_and_size() {
    let (large, small) = (LoopDisk::new(6 * GIB, 512), LoopDisk::new(5 * GIB, 512));
    let tiny = LoopDisk::new(GIB, 512);
    let host = host_of(&[&large, &small, &tiny]);
    let chosen = |properties| root_device(&host, Some(&node(&properties))).map(|disk| disk.name);
    let name = |disk: &LoopDisk| disk.path().to_str().unwrap().to_owned();
    assert_eq!(root_device(&host, None).unwrap().name, name(&small));
    assert_eq!(
        chosen(json!({"root_device": {"size": "> 5"}})).unwrap(),
        name(&large)
    );
    assert_eq!(
        chosen(json!({"root_device": {"name": name(&tiny)}})).unwrap(),
        name(&tiny)
    );
    assert_eq!(
        chosen(json!({"skip_block_devices": [{"name": name(&small)}]})).unwrap(),
        name(&large)
    );
    let skipped = json!({"skip_block_devices": [{"name": name(&small)}], "root_device": {"name": name(&small)}});
    let error = chosen(skipped).unwrap_err().to_string();
    assert!(
        error.contains("no disk matches the root device hints") && error.contains(&name(&large)),
        "{error}"
    );
    let error = chosen(json!({"root_device": {"colour": "red"}}))
        .unwrap_err()
        .to_string();
    assert!(error.contains("colour"), "{error}");
}

#[test]
fn everything_can_be_flushed_and_asked_for_its_id() {
    let disk = LoopDisk::new(16 * MIB, 512);
    sync_all(&disk.host()).unwrap();
    assert_eq!(
        partition_uuids(disk.path()).unwrap().root_uuid.as_deref(),
        Some("0x00000000")
    );
}
