//! The QEMU command line of a machine for one start: pure, so that it can be tested as data.
//!
//! Paths are relative: QEMU runs in the machine's directory, which keeps socket names short and commas out of options.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::boot::{Device, Mode, Target, device_order};
use crate::config::{Bus, Disk, Machine, Nic, NicModel};
use crate::network::bridge::tap_name;

use super::{Blueprint, Medium, disk};

pub(super) const VARIABLES: &str = "vars.fd";
pub const SERIAL_LOG: &str = "serial.log";
pub const SERIAL_SOCKET: &str = "serial.sock";
/// The drive's name in QMP orders.
pub(super) const CD_DRIVE: &str = "cd";

/// What is decided anew at each start.
pub(super) struct Start<'a> {
    pub(super) mode: Mode,
    pub(super) target: Target,
    pub(super) medium: Option<&'a Medium>,
    /// The disks that are out of the machine.
    pub(super) pulled: &'a BTreeSet<usize>,
}

pub(super) fn arguments(blueprint: &Blueprint, start: &Start<'_>) -> Vec<String> {
    let mut line = platform(blueprint);
    line.extend(firmware(blueprint, start.mode));
    line.extend(serial_and_control());
    let (disks, nics) = (blueprint.config.disks.len(), blueprint.config.nics.len());
    let order = device_order(start.target, disks, nics);
    // Devices have the same addresses at every start, also when a disk is out: what an installed system calls its NICs
    // and what is written in boot entries hangs on them.
    for index in (0..disks).filter(|index| !start.pulled.contains(index)) {
        line.extend(disk_options(
            blueprint,
            index,
            bootindex(&order, Device::Disk(index)),
        ));
    }
    for index in 0..nics {
        line.extend(nic_options(
            blueprint,
            start.mode,
            index,
            bootindex(&order, Device::Nic(index)),
        ));
    }
    line.extend(cd_options(
        start.medium,
        scsi_devices(&blueprint.config, disks),
        bootindex(&order, Device::Cd),
    ));
    line
}

/// The slot of the first disk or NIC on the PCI bus: before it are the random number generator and the SCSI controller.
const FIRST_SLOT: usize = 3;

/// The disks before this one that have a slot of their own.
fn slots(config: &Machine, disk: usize) -> usize {
    disk - scsi_disks(config, disk)
}

fn scsi_disks(config: &Machine, before: usize) -> usize {
    let disks = config.disks.iter().take(before);
    disks.filter(|disk| disk.bus == Bus::Scsi).count()
}

/// One for each path to a disk.
fn scsi_devices(config: &Machine, before: usize) -> usize {
    let disks = config.disks.iter().take(before);
    let disks = disks.filter(|disk| disk.bus == Bus::Scsi);
    disks.map(|disk| usize::from(disk.paths())).sum()
}

fn slot(number: usize) -> Value {
    json!(format!("{:#x}", FIRST_SLOT + number))
}

/// Place in the order, from 1: some firmware takes 0 for "none".
fn bootindex(order: &[Device], device: Device) -> usize {
    order.iter().take_while(|other| **other != device).count() + 1
}

fn platform(blueprint: &Blueprint) -> Vec<String> {
    let config = &blueprint.config;
    // A guest reset must end QEMU, so that the next start takes the boot override of its own time.
    let fixed = "-nodefaults -no-user-config -display none -vga none -machine q35,graphics=off -action reboot=shutdown \
                 -boot strict=on -device virtio-rng-pci,addr=0x1 -device virtio-scsi-pci,id=scsi,addr=0x2";
    let mut line: Vec<String> = fixed.split_whitespace().map(Into::into).collect();
    line.extend(blueprint.accel.qemu_options().map(Into::into));
    line.extend([
        "-name".into(),
        config.name.clone(),
        "-uuid".into(),
        config.uuid.to_string(),
    ]);
    line.extend([
        "-smp".into(),
        format!("{cpus},sockets=1,cores={cpus}", cpus = config.cpus),
        "-m".into(),
        format!("{}M", config.memory),
    ]);
    let identity = format!(
        "type=1,manufacturer={MANUFACTURER},product={MODEL},serial={}",
        config.name
    );
    line.extend(["-smbios".into(), identity]);
    let chassis = format!("type=3,manufacturer={MANUFACTURER},serial={}", config.name);
    line.extend(["-smbios".into(), chassis]);
    if config.ipmi {
        let devices = "-device ipmi-bmc-sim,id=ipmi -device isa-ipmi-kcs,bmc=ipmi";
        line.extend(devices.split_whitespace().map(Into::into));
    }
    if let Some(simulator) = &config.ipmi_sim {
        line.extend(simulated_bmc(simulator.listen));
    }
    line
}

/// An IPMI device that hands all that it is asked to OpenIPMI's simulator, to which one machine after another connects.
fn simulated_bmc(listen: SocketAddr) -> [String; 6] {
    let (host, port) = (listen.ip(), listen.port());
    let connection = format!("socket,id=ipmi,host={host},port={port},reconnect=1");
    [
        "-chardev",
        &connection,
        "-device",
        "ipmi-bmc-extern,id=ipmi,chardev=ipmi",
        "-device",
        "isa-ipmi-kcs,bmc=ipmi",
    ]
    .map(Into::into)
}

/// What the machine and its BMC both say that it is.
pub const MANUFACTURER: &str = "Ferric";
pub const MODEL: &str = "Testbed";

fn firmware(blueprint: &Blueprint, mode: Mode) -> Vec<String> {
    match mode {
        Mode::Legacy => Vec::new(),
        Mode::Uefi => {
            let code = json!({"driver": "raw", "node-name": "code", "read-only": true,
                "file": {"driver": "file", "filename": blueprint.ovmf.code}});
            let variables = json!({"driver": "raw", "node-name": "vars",
                "file": {"driver": "file", "filename": VARIABLES}});
            vec![
                "-blockdev".into(),
                code.to_string(),
                "-blockdev".into(),
                variables.to_string(),
                "-machine".into(),
                "pflash0=code,pflash1=vars".into(),
            ]
        }
    }
}

fn serial_and_control() -> Vec<String> {
    let serial = format!(
        "socket,id=serial,path={SERIAL_SOCKET},server=on,wait=off,logfile={SERIAL_LOG},logappend=on"
    );
    [
        "-chardev",
        &serial,
        "-serial",
        "chardev:serial",
        "-chardev",
        "stdio,id=qmp,signal=off",
        "-mon",
        "chardev=qmp,mode=control",
    ]
    .map(Into::into)
    .to_vec()
}

fn disk_options(blueprint: &Blueprint, index: usize, bootindex: usize) -> Vec<String> {
    let disk = &blueprint.config.disks[index];
    let node = format!("disk{index}");
    let mut backend = backend(disk, index);
    let mut line = Vec::new();
    if let Some(rate) = disk.bytes_per_second {
        let group = format!("{node}-throttle");
        let limits =
            json!({"qom-type": "throttle-group", "id": group, "limits": {"bps-total": rate.0}});
        line.extend(["-object".into(), limits.to_string()]);
        backend = json!({"driver": "throttle", "throttle-group": group, "file": backend,
            "cache": {"no-flush": true}, "discard": "unmap"});
    }
    // What the guest meets is the outermost layer.
    backend["node-name"] = json!(node);
    backend["detect-zeroes"] = json!("unmap");
    line.extend(["-blockdev".into(), backend.to_string()]);
    let device = json_device(blueprint, index, bootindex);
    for path in paths(device, disk.paths()) {
        line.extend(["-device".into(), path.to_string()]);
    }
    line
}

/// The devices by which the machine reaches a disk. The firmware boots by the first.
fn paths(mut device: Value, count: u8) -> Vec<Value> {
    if count > 1 {
        device["share-rw"] = json!(true);
    }
    let target = device["scsi-id"].as_u64().unwrap_or_default();
    let id = device["id"].as_str().unwrap_or_default().to_owned();
    let mut devices = vec![device];
    for number in 1..count {
        let mut path = devices[0].clone();
        path["id"] = json!(format!("{id}-{number}"));
        path["scsi-id"] = json!(target + u64::from(number));
        if let Some(fields) = path.as_object_mut() {
            fields.remove("bootindex");
        }
        devices.push(path);
    }
    devices
}

/// Where the disk's bytes are.
fn backend(disk: &Disk, index: usize) -> Value {
    let mut file = match &disk.nbd {
        Some(socket) => {
            json!({"driver": "nbd", "server": {"type": "unix", "path": socket}})
        }
        None => json!({"driver": "file", "filename": disk::file_name(disk, index)}),
    };
    let mut backend = json!({"driver": disk.format().name()});
    for layer in [&mut file, &mut backend] {
        layer["cache"] = json!({"no-flush": true});
        layer["discard"] = json!("unmap");
    }
    backend["file"] = file;
    backend
}

fn json_device(blueprint: &Blueprint, index: usize, bootindex: usize) -> Value {
    let config = &blueprint.config;
    let disk = &config.disks[index];
    let (node, serial) = (format!("disk{index}"), config.serial_of(index));
    let sector = disk.sector_size();
    let mut device = json!({"drive": node, "serial": serial, "bootindex": bootindex,
        "logical_block_size": sector, "physical_block_size": sector, "id": format!("{node}-device")});
    if disk.bus != Bus::Scsi {
        device["addr"] = slot(slots(config, index));
    }
    match disk.bus {
        Bus::Virtio => device["driver"] = json!("virtio-blk-pci"),
        Bus::Nvme => device["driver"] = json!("nvme"),
        Bus::Scsi => {
            device["driver"] = json!("scsi-hd");
            device["bus"] = json!("scsi.0");
            device["scsi-id"] = json!(scsi_devices(config, index));
            device["rotation_rate"] = json!(if disk.rotational { 7200 } else { 1 });
            if let Some(wwn) = disk.wwn.as_deref().and_then(wwn_number) {
                device["wwn"] = json!(wwn);
            }
        }
    }
    device
}

fn wwn_number(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

fn nic_options(blueprint: &Blueprint, mode: Mode, index: usize, bootindex: usize) -> Vec<String> {
    let Nic { mac, model } = &blueprint.config.nics[index];
    let tap = tap_name(blueprint.index, index);
    let driver = match model {
        NicModel::Virtio => "virtio-net-pci",
        NicModel::E1000e => "e1000e",
    };
    let disks = blueprint.config.disks.len();
    let mut device = json!({"driver": driver, "netdev": tap, "mac": mac.to_string(), "bootindex": bootindex,
        "id": format!("nic{index}"), "addr": slot(slots(&blueprint.config, disks) + index)});
    // OVMF has a driver of its own for virtio and then needs no iPXE on the card: the chain to snponly.efi is the real one.
    // For an e1000e it has none.
    if mode == Mode::Uefi && *model == NicModel::Virtio {
        device["romfile"] = json!("");
    }
    vec![
        "-netdev".into(),
        format!("tap,id={tap},ifname={tap},script=no,downscript=no"),
        "-device".into(),
        device.to_string(),
    ]
}

fn cd_options(medium: Option<&Medium>, scsi_id: usize, bootindex: usize) -> Vec<String> {
    let mut device =
        json!({"driver": "scsi-cd", "id": CD_DRIVE, "bus": "scsi.0", "scsi-id": scsi_id});
    let Some(medium) = medium else {
        return vec!["-device".into(), device.to_string()];
    };
    let backend = json!({"driver": "raw", "node-name": "medium", "read-only": true,
        "file": {"driver": "file", "filename": medium.file_name}});
    device["drive"] = json!("medium");
    device["bootindex"] = json!(bootindex);
    vec![
        "-blockdev".into(),
        backend.to_string(),
        "-device".into(),
        device.to_string(),
    ]
}

#[cfg(test)]
mod tests;
