//! Disks, as far as the host guard shows them.

use std::fs;
use std::path::Path;

use super::Facts;
use crate::disk;
use crate::host::{Host, Tree, names, text};
use crate::inspection::collector::CollectError;

const GROUP: &str = "disk";
const FILES: [&str; 7] = [
    "device/vendor",
    "device/model",
    "device/rev",
    "queue/optimal_io_size",
    "queue/physical_block_size",
    "queue/rotational",
    "queue/nr_requests",
];
const GIGABYTE: u64 = 1_000_000_000;

pub(super) fn add(facts: &mut Facts, host: &Host) -> Result<(), CollectError> {
    let tree = host.tree();
    let disks = disk::list_block_devices(host).map_err(CollectError::Disks)?;
    facts.add(GROUP, "logical", "count", disks.len().to_string());
    for disk in disks {
        let name = disk.name.trim_start_matches("/dev/").replace('/', "!");
        let gigabytes = disk.size / GIGABYTE;
        facts.add(GROUP, &name, "size", gigabytes.to_string());
        let sysfs = tree.path("sys/block").join(&name);
        for file in FILES {
            let attribute = file.rsplit('/').next().unwrap_or(file);
            facts.maybe(GROUP, &name, attribute, text(&sysfs.join(file)));
        }
        facts.maybe(GROUP, &name, "scheduler", scheduler(&sysfs));
        add_cache(facts, &name, &sysfs);
        add_links(facts, &name, &tree.node(Path::new(&disk.name)), tree);
    }
    Ok(())
}

/// `mq-deadline` of `none [mq-deadline] kyber`.
fn scheduler(sysfs: &Path) -> Option<String> {
    let all = text(&sysfs.join("queue/scheduler"))?;
    let (_, rest) = all.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// The two bits of the caching mode page, out of the kernel's words for them.
fn add_cache(facts: &mut Facts, name: &str, sysfs: &Path) {
    let places = sysfs.join("device/scsi_disk");
    let found = names(&places).into_iter().next();
    let Some(words) = found.and_then(|place| text(&places.join(place).join("cache_type"))) else {
        return;
    };
    let (write, no_read) = match words.as_str() {
        "write through" => ("0", "0"),
        "none" => ("0", "1"),
        words if words.contains("daft") => ("1", "1"),
        _ => ("1", "0"),
    };
    facts.add(GROUP, name, "Write Cache Enable", write);
    facts.add(GROUP, name, "Read Cache Disable", no_read);
}

fn add_links(facts: &mut Facts, name: &str, node: &Path, tree: &Tree) {
    let directory = tree.path("dev/disk/by-id");
    let Ok(node) = fs::canonicalize(node) else {
        return;
    };
    for link in names(&directory) {
        let target = fs::canonicalize(directory.join(&link));
        if target.is_ok_and(|target| target == node) {
            let attribute = match () {
                () if link.starts_with("wwn") => "wwn-id",
                () if link.starts_with("scsi") => "scsi-id",
                () => "id",
            };
            facts.add(GROUP, name, attribute, link);
        }
    }
}
