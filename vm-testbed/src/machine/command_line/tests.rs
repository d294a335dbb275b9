//! QEMU's arguments for each kind of machine.

use std::collections::BTreeMap;

use super::*;
use crate::accel::Accel;
use crate::firmware::Ovmf;
use url::Url;

const MACHINE: &str = r#"
    name = "node"
    uuid = "6f1b8a52-0f5e-4a52-9a0e-000000000001"
    firmware = "uefi"
    cpus = 2
    memory = 1024
    disks = [
        { bus = "virtio", size = "1GiB" },
        { bus = "scsi", size = "1GiB", serial = "S1", wwn = "0x5000c50015ea7001", rotational = true },
        { bus = "nvme", size = "1GiB", sector_size = 4096 },
    ]
    nics = [{ mac = "52:54:00:00:00:01" }, { mac = "52:54:00:00:00:02", model = "e1000e" }]
    bmc = { listen = "127.0.0.1:8001", username = "admin", password = "password" }
"#;

fn line(mode: Mode, target: Target, medium: Option<&Medium>) -> Vec<String> {
    let blueprint = Blueprint {
        config: toml::from_str(MACHINE).unwrap(),
        index: 3,
        directory: "/state/machines/node".into(),
        accel: Accel::Tcg,
        ovmf: Ovmf::for_tests(),
    };
    arguments(
        &blueprint,
        &Start {
            mode,
            target,
            medium,
        },
    )
}

fn medium() -> Medium {
    Medium {
        url: Url::parse("http://host/boot.iso").unwrap(),
        file_name: "1.medium.iso".into(),
    }
}

/// The devices given in JSON, by the backend they have.
fn devices(line: &[String]) -> BTreeMap<String, Value> {
    let values = line
        .iter()
        .filter_map(|word| serde_json::from_str::<Value>(word).ok());
    let device = |value: Value| {
        let backend = ["netdev", "drive"]
            .iter()
            .find_map(|key| value[*key].as_str().map(str::to_owned));
        let name = backend.or_else(|| (value["driver"] == "scsi-cd").then(|| "cd".to_owned()))?;
        value["node-name"].is_null().then_some((name, value))
    };
    values.filter_map(device).collect()
}

#[test]
fn the_override_decides_the_bootindex_and_nothing_else() {
    let with_medium = Some(medium());
    let start = |target| line(Mode::Uefi, target, with_medium.as_ref());
    for (target, expected) in [
        (
            Target::None,
            [
                ("disk0", 1),
                ("disk1", 2),
                ("disk2", 3),
                ("m3n0", 5),
                ("m3n1", 6),
                ("medium", 4),
            ],
        ),
        (
            Target::Pxe,
            [
                ("disk0", 3),
                ("disk1", 4),
                ("disk2", 5),
                ("m3n0", 1),
                ("m3n1", 2),
                ("medium", 6),
            ],
        ),
        (
            Target::Cd,
            [
                ("disk0", 2),
                ("disk1", 3),
                ("disk2", 4),
                ("m3n0", 5),
                ("m3n1", 6),
                ("medium", 1),
            ],
        ),
    ] {
        let found = devices(&start(target));
        let found: Vec<_> = found
            .iter()
            .map(|(name, device)| (name.as_str(), device["bootindex"].as_u64()))
            .collect();
        assert_eq!(
            found,
            expected.map(|(name, index)| (name, Some(index))),
            "{target:?}"
        );
    }
    let without_index = |line: Vec<String>| -> Vec<String> {
        line.iter()
            .map(|word| {
                word.split("\"bootindex\"")
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(
        without_index(start(Target::None)),
        without_index(start(Target::Pxe))
    );
}

#[test]
fn disks_say_what_the_lab_file_says() {
    let devices = devices(&line(Mode::Uefi, Target::None, None));
    let disk = |name: &str| {
        let device = &devices[name];
        json!([
            device["driver"],
            device["serial"],
            device["wwn"],
            device["logical_block_size"],
            device["rotation_rate"]
        ])
    };
    assert_eq!(
        disk("disk0"),
        json!(["virtio-blk-pci", "node-0", null, 512, null])
    );
    assert_eq!(
        disk("disk1"),
        json!(["scsi-hd", "S1", 0x5000_c500_15ea_7001_u64, 512, 7200])
    );
    assert_eq!(disk("disk2"), json!(["nvme", "node-2", null, 4096, null]));
}

#[test]
fn only_uefi_with_virtio_boots_without_ipxe_on_the_card() {
    for (mode, expected) in [
        (Mode::Uefi, [json!(""), Value::Null]),
        (Mode::Legacy, [Value::Null, Value::Null]),
    ] {
        let devices = devices(&line(mode, Target::None, None));
        assert_eq!(
            ["m3n0", "m3n1"].map(|nic| devices[nic]["romfile"].clone()),
            expected,
            "{mode:?}"
        );
    }
}

#[test]
fn the_mode_decides_the_firmware() {
    let has = |mode, word: &str| {
        line(mode, Target::None, None)
            .iter()
            .any(|other| other.contains(word))
    };
    assert!(has(Mode::Uefi, "/firmware/code.fd") && has(Mode::Uefi, VARIABLES));
    assert!(!has(Mode::Legacy, "pflash"));
}

#[test]
fn an_empty_cd_drive_is_there_but_not_booted() {
    let cd = &devices(&line(Mode::Uefi, Target::Cd, None))["cd"];
    assert_eq!(
        (&cd["id"], &cd["bootindex"]),
        (&json!(CD_DRIVE), &Value::Null)
    );
}
