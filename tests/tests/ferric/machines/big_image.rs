//! An image whose file is larger than the machine's memory, of data that cannot be compressed.

use super::{LOGIN, available, told};
use ferric_tests::lab::{Lab, Plan};
use ferric_tests::machine::{Firmware, Machine};
use ferric_tests::process::{command, output};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

const MEMORY_MIB: u32 = 512;
/// Random bytes behind the system: more than the machine's memory.
const RANDOM_MIB: u64 = 576;
const MIB: u64 = 1 << 20;

/// The system image with random data behind its last partition. Gives the offset of the random data.
fn make(system: &Path, raw: &Path, image: &Path) -> u64 {
    output(
        command("qemu-img")
            .args(["convert", "-O", "raw"])
            .arg(system)
            .arg(raw),
    )
    .unwrap();
    let offset = std::fs::metadata(raw).unwrap().len().next_multiple_of(MIB);
    let mut file = File::options().write(true).open(raw).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    let mut random = File::open("/dev/urandom").unwrap().take(RANDOM_MIB * MIB);
    std::io::copy(&mut random, &mut file).unwrap();
    // Room for the second partition table behind it.
    file.write_all(&vec![0; 2 << 20]).unwrap();
    output(command("sgdisk").arg("--move-second-header").arg(raw)).unwrap();
    output(
        command("qemu-img")
            .args(["convert", "-O", "qcow2", "-f", "raw"])
            .arg(raw)
            .arg(image),
    )
    .unwrap();
    offset
}

fn equal(left: &Path, right: &Path, offset: u64, length: u64) -> bool {
    let mut files = [left, right].map(|path| {
        let mut file = File::open(path).unwrap();
        file.seek(SeekFrom::Start(offset)).unwrap();
        file.take(length)
    });
    let mut buffers = [vec![0; 1 << 20], vec![0; 1 << 20]];
    for _ in 0..length / MIB {
        for (file, buffer) in files.iter_mut().zip(&mut buffers) {
            file.read_exact(buffer).unwrap();
        }
        if buffers[0] != buffers[1] {
            return false;
        }
    }
    true
}

#[test]
fn is_deployed_and_boots() {
    let machine = Machine::new(1, "m1", Firmware::Bios).memory_mib(MEMORY_MIB);
    told(
        Lab::start(&Plan::new("big", vec![machine])).unwrap(),
        |lab| {
            let (raw, image) = (lab.folder().join("big.raw"), lab.folder().join("big.qcow2"));
            let offset = make(&lab.images().system, &raw, &image);
            let size = std::fs::metadata(&image).unwrap().len();
            assert!(
                size > u64::from(MEMORY_MIB) * MIB,
                "the image has {size} bytes only"
            );

            let node = available(lab, "m1");
            node.image(&image).unwrap();
            let console = lab.serial("m1").len();
            let meta_data = json!({ "hostname": "big", "name": "big", "uuid": node.uuid });
            // Behind write_image, which has 80: the system, once it runs, takes the rest of the disk for itself.
            let hold = json!({ "interface": "deploy", "step": "hold", "priority": 75, "args": {} });
            let configdrive = json!({ "meta_data": meta_data });
            node.ask(
                "active",
                json!({ "configdrive": configdrive, "deploy_steps": [hold] }),
            )
            .unwrap();
            node.holds("deploy hold").unwrap();
            assert!(
                equal(&raw, &lab.disk("m1", 0), offset, RANDOM_MIB * MIB),
                "the disk differs from the image"
            );
            node.ask("unhold", Value::Null).unwrap();
            node.becomes_active().unwrap();
            lab.serial("m1")
                .wait_for("big login:", console, LOGIN)
                .unwrap();
        },
    );
}
