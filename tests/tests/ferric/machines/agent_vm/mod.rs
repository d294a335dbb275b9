//! What the agent does to hardware, on virtual hardware: erasing, software RAID, rescue, lockdown, and its memory.

mod erase;
mod ignored_erase;
mod life;
mod lockdown;
mod multipath;
mod raid;

use ferric_tests::lab::Lab;
use ferric_tests::node::Node;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// What disks are full of before they are erased.
const DATA: u8 = 0xa5;
const BLOCK_BYTES: usize = 1 << 20;

/// Enrolled and manageable, with the agent for volumes and rescue.
fn managed<'a>(lab: &'a Lab, name: &str) -> Node<'a> {
    let node = lab.enroll(name).unwrap();
    node.set("/raid_interface", &"agent".into()).unwrap();
    node.set("/rescue_interface", &"agent".into()).unwrap();
    node.set("/automated_clean", &false.into()).unwrap();
    node.manage().unwrap();
    node
}

/// Fills a disk, or what will be one, with data; it has so many bytes.
fn fill(disk: &Path, bytes: usize) {
    let mut file = File::create(disk).unwrap();
    let data = vec![DATA; BLOCK_BYTES];
    for _ in 0..bytes / BLOCK_BYTES {
        file.write_all(&data).unwrap();
    }
    file.sync_all().unwrap();
}

/// How many of a disk's blocks are all of this byte, and how many there are.
fn blocks_of(disk: &Path, byte: u8) -> (usize, usize) {
    let mut file = File::open(disk).unwrap();
    let blocks = usize::try_from(file.metadata().unwrap().len()).unwrap() / BLOCK_BYTES;
    let mut block = vec![0; BLOCK_BYTES];
    let is_uniform = |_: &usize| {
        file.read_exact(&mut block).unwrap();
        block.iter().all(|other| *other == byte)
    };
    ((0..blocks).filter(is_uniform).count(), blocks)
}

fn assert_erased(disk: &Path) {
    let (zeroes, blocks) = blocks_of(disk, 0);
    assert_eq!(zeroes, blocks, "MiB of zeroes of {}", disk.display());
}
