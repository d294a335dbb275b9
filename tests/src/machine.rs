//! A virtual machine of a lab, as its TOML file describes it.

use crate::toml::quoted;
use std::fmt::Write;
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    Uefi,
    Bios,
}

impl Firmware {
    pub fn name(self) -> &'static str {
        match self {
            Self::Uefi => "uefi",
            Self::Bios => "bios",
        }
    }
}

/// A disk by bus (`virtio`, `scsi`, `nvme`), size (`6GiB`), serial number and, on `scsi`, World Wide Name.
#[derive(Clone, Debug)]
pub struct Disk {
    pub bus: &'static str,
    pub size: &'static str,
    pub serial: String,
    pub wwn: Option<&'static str>,
    /// The socket of the NBD server that has its bytes, in the lab's folder.
    pub nbd: Option<&'static str>,
    /// How fast it is: `4MiB`.
    pub bytes_per_second: Option<&'static str>,
    /// By how many paths the machine reaches it; more than one on `scsi` only.
    pub paths: u8,
}

impl Disk {
    pub fn new(bus: &'static str, size: &'static str, serial: &str) -> Self {
        Self {
            bus,
            size,
            serial: serial.to_owned(),
            wwn: None,
            nbd: None,
            bytes_per_second: None,
            paths: 1,
        }
    }

    /// Its table in the lab's file.
    fn toml(&self) -> String {
        let Self {
            bus,
            size,
            serial,
            wwn,
            nbd,
            bytes_per_second,
            paths,
        } = self;
        let more = [
            ("wwn", wwn),
            ("nbd", nbd),
            ("bytes_per_second", bytes_per_second),
        ];
        let more: String = more
            .into_iter()
            .filter_map(|(key, value)| Some(format!(", {key} = {}", quoted((*value)?))))
            .collect();
        format!(
            "{{ bus = \"{bus}\", size = \"{size}\", paths = {paths}, serial = {}{more} }}",
            quoted(serial)
        )
    }
}

/// The BMC that a machine sees by IPMI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ipmi {
    None,
    /// QEMU's own, which has no network.
    Qemu,
    /// OpenIPMI's simulator, which has these addresses.
    Simulator {
        address: &'static str,
        mac: &'static str,
        ipv6: Option<&'static str>,
    },
}

impl Ipmi {
    /// Its line in the lab's file; the simulator listens on this port.
    fn toml(self, port: u16) -> String {
        match self {
            Self::None => String::new(),
            Self::Qemu => "ipmi = true\n".to_owned(),
            Self::Simulator { address, mac, ipv6 } => {
                let ipv6 = ipv6.map(|ipv6| format!(", ipv6 = \"{ipv6}\""));
                format!(
                    "ipmi_sim = {{ listen = \"127.0.0.1:{port}\", address = \"{address}\", mac = \"{mac}\"{} }}\n",
                    ipv6.unwrap_or_default()
                )
            }
        }
    }
}

#[derive(Clone, Debug)]
pub struct Machine {
    pub name: String,
    pub firmware: Firmware,
    pub memory_mib: u32,
    pub disks: Vec<Disk>,
    pub mac: String,
    /// Of NICs beside the one that it boots from.
    pub more_macs: Vec<String>,
    pub ipmi: Ipmi,
    pub uuid: Uuid,
    pub bmc_port: u16,
}

/// Who the virtual BMCs let in.
pub const BMC_USER: &str = "admin";
pub const BMC_PASSWORD: &str = "testbed-secret";

/// The BMC by IPMI has the port of the other one and so many more.
const SIMULATOR_PORT: u16 = 1000;

impl Machine {
    /// The machine with this number in its lab: one CPU, one disk, one NIC.
    pub fn new(number: u8, name: &str, firmware: Firmware) -> Self {
        Self {
            name: name.to_owned(),
            firmware,
            memory_mib: 1024,
            disks: vec![Disk::new("virtio", "6GiB", &format!("{name}-root"))],
            mac: format!("52:54:00:fe:00:{number:02x}"),
            more_macs: Vec::new(),
            ipmi: Ipmi::None,
            uuid: Uuid::from_u128(0xfe00_0000_0000_4000_8000_0000_0000_0000 + u128::from(number)),
            bmc_port: 8000 + u16::from(number),
        }
    }

    #[must_use]
    pub fn disks(mut self, disks: Vec<Disk>) -> Self {
        self.disks = disks;
        self
    }

    #[must_use]
    pub fn memory_mib(mut self, memory_mib: u32) -> Self {
        self.memory_mib = memory_mib;
        self
    }

    /// Beside the NIC that it boots from.
    #[must_use]
    pub fn more_macs(mut self, macs: &[&str]) -> Self {
        self.more_macs = macs.iter().map(|mac| (*mac).to_owned()).collect();
        self
    }

    /// With a BMC that the machine itself can ask.
    #[must_use]
    pub fn with_ipmi(mut self, ipmi: Ipmi) -> Self {
        self.ipmi = ipmi;
        self
    }

    /// As the conductor reaches it, inside of the lab.
    pub fn bmc_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.bmc_port)
    }

    /// Its table in the lab's file.
    pub fn toml(&self) -> String {
        let Self {
            name,
            firmware,
            memory_mib,
            mac,
            more_macs,
            ipmi,
            uuid,
            bmc_port,
            ..
        } = self;
        let macs = std::iter::once(mac).chain(more_macs);
        let nics: Vec<String> = macs.map(|mac| format!("{{ mac = \"{mac}\" }}")).collect();
        let nics = nics.join(", ");
        let ipmi = ipmi.toml(bmc_port + SIMULATOR_PORT);
        let mut text = format!(
            "[[machine]]\nname = {}\nuuid = \"{uuid}\"\nfirmware = \"{}\"\ncpus = 1\nmemory = {memory_mib}\n\
             {ipmi}nics = [{nics}]\n\
             bmc = {{ listen = \"127.0.0.1:{bmc_port}\", username = \"{BMC_USER}\", password = \"{BMC_PASSWORD}\" }}\n\
             disks = [\n",
            quoted(name),
            firmware.name()
        );
        for disk in &self.disks {
            writeln!(text, "  {},", disk.toml()).expect("a string takes all");
        }
        text.push_str("]\n\n");
        text
    }
}
