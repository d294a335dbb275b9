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
    let pulled = BTreeSet::new();
    let start = Start {
        mode,
        target,
        medium,
        pulled: &pulled,
    };
    line_of(MACHINE, &start)
}

fn line_of(machine: &str, start: &Start<'_>) -> Vec<String> {
    let blueprint = Blueprint {
        config: toml::from_str(machine).unwrap(),
        index: 3,
        directory: "/state/machines/node".into(),
        accel: Accel::Tcg,
        ovmf: Ovmf::for_tests(),
    };
    arguments(&blueprint, start)
}

/// The machine as it starts by itself, with these disks out.
fn without(machine: &str, pulled: &[usize]) -> Vec<String> {
    let pulled = pulled.iter().copied().collect();
    let start = Start {
        mode: Mode::Uefi,
        target: Target::None,
        medium: None,
        pulled: &pulled,
    };
    line_of(machine, &start)
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

#[test]
fn a_disk_that_is_out_moves_no_other_device() {
    let places = |pulled: &[usize]| -> BTreeMap<String, Value> {
        let devices = devices(&without(MACHINE, pulled));
        devices
            .into_iter()
            .map(|(name, device)| (name, json!([device["addr"], device["scsi-id"]])))
            .collect()
    };
    let all = places(&[]);
    let expected = [
        ("cd", json!([null, 1])),
        ("disk0", json!(["0x3", null])),
        ("disk1", json!([null, 0])),
        ("disk2", json!(["0x4", null])),
        ("m3n0", json!(["0x5", null])),
        ("m3n1", json!(["0x6", null])),
    ];
    let expected: BTreeMap<String, Value> = expected
        .into_iter()
        .map(|(name, place)| (name.to_owned(), place))
        .collect();
    assert_eq!(all, expected);
    for pulled in [&[0][..], &[1], &[2], &[0, 1]] {
        let mut left = all.clone();
        left.retain(|name, _| !pulled.iter().any(|index| *name == format!("disk{index}")));
        assert_eq!(places(pulled), left, "{pulled:?} are out");
    }
}

/// The back end of a disk.
fn block_device(line: &[String], node: &str) -> Value {
    let mut values = line
        .iter()
        .filter_map(|word| serde_json::from_str::<Value>(word).ok());
    values.find(|value| value["node-name"] == node).unwrap()
}

#[test]
fn a_disk_is_in_a_file_or_on_a_server_and_as_slow_as_it_is_said_to_be() {
    let plain = block_device(&without(MACHINE, &[]), "disk0");
    assert_eq!(
        plain,
        json!({"driver": "raw", "node-name": "disk0", "detect-zeroes": "unmap", "discard": "unmap",
            "cache": {"no-flush": true}, "file": {"driver": "file", "filename": "disk0.raw", "discard": "unmap",
            "cache": {"no-flush": true}}})
    );
    let slow = MACHINE.replacen(
        "size = \"1GiB\"",
        "size = \"1GiB\", nbd = \"/run/a.sock\", bytes_per_second = \"4MiB\"",
        1,
    );
    let line = without(&slow, &[]);
    let group = json!({"qom-type": "throttle-group", "id": "disk0-throttle", "limits": {"bps-total": 4 << 20}});
    assert!(line.contains(&group.to_string()), "{line:?}");
    let backend = block_device(&line, "disk0");
    let layers = [&backend, &backend["file"], &backend["file"]["file"]];
    assert_eq!(
        layers.map(|layer| layer["driver"].clone()),
        ["throttle", "raw", "nbd"]
    );
    assert_eq!(backend["throttle-group"], "disk0-throttle");
    assert_eq!(
        backend["file"]["file"]["server"],
        json!({"type": "unix", "path": "/run/a.sock"})
    );
}

#[test]
fn each_path_to_a_disk_is_a_device() {
    let two = MACHINE.replacen("serial = \"S1\"", "serial = \"S1\", paths = 2", 1);
    let line = without(&two, &[]);
    let values = line
        .iter()
        .filter_map(|word| serde_json::from_str::<Value>(word).ok());
    let devices: Vec<Value> = values.filter(|value| value["drive"] == "disk1").collect();
    let told = |key: &str| -> Vec<Value> {
        let values = devices.iter().map(|device| device[key].clone());
        values.collect()
    };
    assert_eq!(told("id"), ["disk1-device", "disk1-device-1"]);
    assert_eq!(told("scsi-id"), [0, 1]);
    assert_eq!(told("bootindex"), [json!(2), Value::Null]);
    assert_eq!(told("share-rw"), [true, true]);
    assert_eq!(told("serial"), ["S1", "S1"]);
    let cd = line.iter().find(|word| word.contains("scsi-cd")).unwrap();
    assert!(cd.contains("\"scsi-id\":2"), "{cd}");
}

#[test]
fn a_machine_sees_a_bmc_by_ipmi_only_where_it_is_said_to() {
    let has = |line: Vec<String>, device: &str| line.iter().any(|word| word.starts_with(device));
    let with = MACHINE.replace("cpus = 2", "cpus = 2\n    ipmi = true");
    assert!(has(without(&with, &[]), "isa-ipmi-kcs"));
    assert!(!has(without(MACHINE, &[]), "isa-ipmi-kcs"));
}

#[test]
fn a_machine_may_ask_openipmis_simulator_instead() {
    let with = MACHINE.replace(
        "cpus = 2",
        "cpus = 2\n    ipmi_sim = { listen = \"127.0.0.1:9001\", address = \"192.0.2.7\", mac = \"52:54:00:00:01:01\" }",
    );
    let line = without(&with, &[]).join(" ");
    for options in [
        "-chardev socket,id=ipmi,host=127.0.0.1,port=9001,reconnect=1",
        "-device ipmi-bmc-extern,id=ipmi,chardev=ipmi -device isa-ipmi-kcs,bmc=ipmi",
    ] {
        assert!(line.contains(options), "{line}");
    }
    assert!(!line.contains("ipmi-bmc-sim"), "{line}");
}
