//! The machine as its maker sold it, its firmware, and the system that runs on it now.

use super::Facts;
use crate::config::Secret;
use crate::host::Tree;
use crate::inventory::smbios::{Smbios, Structure};

const GROUP: &str = "system";
const SYSTEM: u8 = 1;
const BOARD: u8 = 2;

pub(super) fn add(facts: &mut Facts, tree: &Tree, smbios: &Smbios) {
    let first = |kind| smbios.of_kind(kind).next();
    add_product(facts, "product", first(SYSTEM));
    facts.maybe(
        GROUP,
        "product",
        "uuid",
        tree.text("sys/class/dmi/id/product_uuid"),
    );
    add_product(facts, "motherboard", first(BOARD));
    let identity = smbios.identity();
    facts.maybe("firmware", "bios", "version", identity.firmware_version);
    facts.maybe("firmware", "bios", "date", identity.firmware_date);
    facts.maybe("firmware", "bios", "vendor", identity.firmware_vendor);
}

/// Both types have these fields at the same places.
fn add_product(facts: &mut Facts, item: &str, structure: Option<&Structure>) {
    let string = |offset| structure.and_then(|structure| structure.string(offset));
    facts.maybe(GROUP, item, "serial", string(0x07));
    facts.maybe(GROUP, item, "name", string(0x05));
    facts.maybe(GROUP, item, "vendor", string(0x04));
    facts.maybe(GROUP, item, "version", string(0x06));
}

pub(super) fn add_kernel(facts: &mut Facts, tree: &Tree, token: Option<&Secret>) {
    let release = tree.text("etc/os-release").unwrap_or_default();
    facts.maybe(GROUP, "os", "vendor", setting(&release, "NAME"));
    facts.maybe(GROUP, "os", "version", setting(&release, "PRETTY_NAME"));
    facts.maybe(
        GROUP,
        "kernel",
        "version",
        tree.text("proc/sys/kernel/osrelease"),
    );
    if let Ok(name) = nix::sys::utsname::uname() {
        facts.add(GROUP, "kernel", "arch", name.machine().to_string_lossy());
    }
    let cmdline = tree.text("proc/cmdline").map(|cmdline| match token {
        Some(token) => cmdline.replace(token.reveal(), "***"),
        None => cmdline,
    });
    facts.maybe(GROUP, "kernel", "cmdline", cmdline);
}

/// The value of a line `NAME="Debian GNU/Linux"`.
fn setting(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.split_once('='));
    let (_, value) = lines.find(|(key, _)| *key == name)?;
    Some(value.trim_matches(['"', '\'']).to_owned())
}
