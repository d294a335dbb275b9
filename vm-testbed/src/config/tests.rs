//! Lab files that are refused, and the field that each refusal names.

use super::*;

/// A lab that is right, with one line changed.
fn lab(from: &str, to: &str) -> Result<Lab, ConfigError> {
    let good = r#"
        name = "lab"
        [network]
        address = "10.1.0.1/24"
        dhcp = { start = "10.1.0.10", end = "10.1.0.20" }
        [dnsmasq]
        hostsdir = "hosts"
        [[forward]]
        listen = "127.0.0.1:6385"
        to = "10.1.0.1:6385"
        [[machine]]
        name = "a"
        uuid = "6f1b8a52-0f5e-4a52-9a0e-000000000001"
        firmware = "uefi"
        memory = 1024
        disks = [{ bus = "scsi", size = "10GiB", serial = "A0", wwn = "0x5000c50015ea7001" }, { bus = "nvme", size = "1GiB" }]
        nics = [{ mac = "52:54:00:00:00:01" }]
        bmc = { listen = "127.0.0.1:8001", username = "admin", password = "password" }
        [[machine]]
        name = "b"
        uuid = "6f1b8a52-0f5e-4a52-9a0e-000000000002"
        firmware = "bios"
        memory = 512
        disks = [{ bus = "virtio", size = "4GiB", backing = "os.qcow2" }]
        nics = [{ mac = "52:54:00:00:00:02", model = "e1000e" }]
        bmc = { listen = "127.0.0.1:8002", username = "admin", password = "password", tls = true }
    "#;
    assert!(good.contains(from), "{from}");
    Lab::parse(&good.replacen(from, to, 1), Path::new("lab.toml"))
}

#[test]
fn a_good_lab_is_read_with_its_defaults() {
    let lab = lab("", "").unwrap();
    let [a, b] = &lab.machines[..] else {
        panic!("two machines")
    };
    assert_eq!(
        (a.cpus, a.serial_of(0), a.serial_of(1)),
        (1, "A0".into(), "a-1".into())
    );
    assert_eq!(
        (a.disks[0].format(), b.disks[0].format()),
        (DiskFormat::Raw, DiskFormat::Qcow2)
    );
    assert_eq!(
        (a.nics[0].model, b.nics[0].model),
        (NicModel::Virtio, NicModel::E1000e)
    );
    assert_eq!((a.bmc.tls, b.bmc.tls), (false, true));
    assert_eq!(
        (
            lab.network.bridge.as_str(),
            lab.dnsmasq.unwrap().ignore_unknown
        ),
        ("br0", true)
    );
}

#[test]
fn paths_start_at_the_file() {
    let nbd = "nbd = \"a.sock\", bus = \"nvme\"";
    let mut lab = lab("bus = \"nvme\"", nbd).unwrap();
    lab.resolve_paths(Path::new("/labs"));
    let hosts = lab.dnsmasq.unwrap().hostsdir.unwrap();
    let backing = lab.machines[1].disks[0].backing.clone().unwrap();
    let nbd = lab.machines[0].disks[1].nbd.clone().unwrap();
    assert_eq!(
        [hosts, backing, nbd],
        ["/labs/hosts", "/labs/os.qcow2", "/labs/a.sock"].map(PathBuf::from)
    );
}

#[test]
fn the_example_is_right() {
    let lab = Lab::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/two-machines.toml"))
        .unwrap();
    assert_eq!(
        lab.machines
            .iter()
            .map(|machine| machine.name.as_str())
            .collect::<Vec<_>>(),
        ["uefi", "bios"]
    );
}

/// A change to the lab, and the beginning of the error that it makes.
const BAD_FIELDS: &[(&str, &str, &str)] = &[
    ("name = \"lab\"", "name = \"a b\"", "name: "),
    ("10.1.0.1/24\"", "10.1.0.1\"", "network.address: "),
    ("10.1.0.1/24\"", "10.1.0.1/40\"", "network.address: "),
    (
        "start = \"10.1.0.10\"",
        "start = \"10.2.0.10\"",
        "network.dhcp.start: ",
    ),
    (
        "start = \"10.1.0.10\"",
        "start = \"10.1.0.30\"",
        "network.dhcp: ",
    ),
    ("name = \"a\"", "name = \"../a\"", "machine[0].name: "),
    (
        "name = \"b\"",
        "name = \"a\"",
        "machine[1].name: a is already used by machine[0].name",
    ),
    ("000000000002\"", "000000000001\"", "machine[1].uuid: "),
    (
        "127.0.0.1:8002",
        "127.0.0.1:8001",
        "machine[1].bmc.listen: ",
    ),
    ("00:00:00:02", "00:00:00:01", "machine[1].nics[0].mac: "),
    ("memory = 512", "memory = 64", "machine[1].memory: "),
    (
        "memory = 512",
        "memory = 512\ncpus = 0",
        "machine[1].cpus: ",
    ),
    (
        "username = \"admin\"",
        "username = \"\"",
        "machine[0].bmc.username: ",
    ),
    (
        "password = \"password\"",
        "password = \"\"",
        "machine[0].bmc.password: ",
    ),
    (
        "size = \"10GiB\"",
        "size = \"1000\"",
        "machine[0].disks[0].size: ",
    ),
    (
        "serial = \"A0\"",
        "serial = \"a-1\"",
        "machine[0].disks[1].serial: ",
    ),
    (
        "serial = \"A0\"",
        "serial = \"a,b\"",
        "machine[0].disks[0].serial: ",
    ),
    (
        "0x5000c50015ea7001",
        "5000c50015ea7001",
        "machine[0].disks[0].wwn: ",
    ),
    (
        "bus = \"scsi\"",
        "bus = \"virtio\"",
        "machine[0].disks[0].wwn: ",
    ),
    (
        "bus = \"nvme\"",
        "rotational = true, bus = \"nvme\"",
        "machine[0].disks[1].rotational: ",
    ),
    (
        "bus = \"nvme\"",
        "paths = 2, bus = \"nvme\"",
        "machine[0].disks[1].paths: ",
    ),
    (
        "bus = \"scsi\"",
        "paths = 5, bus = \"scsi\"",
        "machine[0].disks[0].paths: ",
    ),
    (
        "bus = \"nvme\"",
        "sector_size = 520, bus = \"nvme\"",
        "machine[0].disks[1].sector_size: ",
    ),
    (
        "bus = \"nvme\"",
        "backing_format = \"raw\", bus = \"nvme\"",
        "machine[0].disks[1].backing_format: ",
    ),
    (
        "backing = \"os.qcow2\"",
        "backing = \"os.qcow2\", format = \"raw\"",
        "machine[1].disks[0].format: ",
    ),
    (
        "bus = \"nvme\"",
        "nbd = \"a.sock\", format = \"raw\", bus = \"nvme\"",
        "machine[0].disks[1].nbd: ",
    ),
    (
        "backing = \"os.qcow2\"",
        "backing = \"os.qcow2\", nbd = \"a.sock\"",
        "machine[1].disks[0].nbd: ",
    ),
    (
        "bus = \"nvme\"",
        "bytes_per_second = 0, bus = \"nvme\"",
        "machine[0].disks[1].bytes_per_second: ",
    ),
    (
        "memory = 512",
        "memory = 512\nipmi_sim = { listen = \"0.0.0.0:9002\", address = \"192.0.2.7\", mac = \"52:54:00:00:01:02\" }",
        "machine[1].ipmi_sim.listen: must be",
    ),
    (
        "memory = 512",
        "memory = 512\nipmi_sim = { listen = \"127.0.0.1:8001\", address = \"192.0.2.7\", mac = \"52:54:00:00:01:02\" }",
        "machine[1].ipmi_sim.listen: 127.0.0.1:8001 is already used",
    ),
    (
        "memory = 512",
        "memory = 512\nipmi = true\nipmi_sim = { listen = \"127.0.0.1:9002\", address = \"192.0.2.7\", mac = \"52:54:00:00:01:02\" }",
        "machine[1].ipmi_sim: ",
    ),
];

#[test]
fn every_error_names_its_field() {
    for (from, to, field) in BAD_FIELDS {
        let error = lab(from, to).expect_err(to).to_string();
        assert!(error.starts_with(field), "{to}: {error}");
    }
}

/// What the parser refuses is shown with its line, which has the field in it.
#[test]
fn unknown_and_malformed_fields_are_shown() {
    for (from, to, shown) in [
        (
            "name = \"lab\"",
            "name = \"lab\"\ncolour = \"red\"",
            "colour",
        ),
        ("address = ", "adress = ", "adress"),
        ("hostsdir", "hostdir", "hostdir"),
        ("size = \"10GiB\"", "size = \"10GB\"", "unknown unit \"GB\""),
        (
            "52:54:00:00:00:01",
            "52:54:00:00:00",
            "is not a MAC address",
        ),
        ("firmware = \"uefi\"", "firmware = \"efi\"", "firmware"),
        ("firmware = \"uefi\"", "", "firmware"),
        ("model = \"e1000e\"", "model = \"rtl8139\"", "rtl8139"),
        ("127.0.0.1:8001", "127.0.0.1", "listen"),
    ] {
        let error = lab(from, to).expect_err(to);
        let ConfigError::Parse { source, .. } = error else {
            panic!("{to}: {error}")
        };
        assert!(source.to_string().contains(shown), "{to}: {source}");
    }
}
