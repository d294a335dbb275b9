//! Layouts by table: wanted volumes and disks on the left, partitions in MiB and commands on the right.

use ferric_agent_protocol::inventory::Disk;
use serde_json::{Value, json};

use super::*;

const UEFI: Boot = Boot {
    mode: BootMode::Uefi,
    label: DiskLabel::Gpt,
};
const BIOS_GPT: Boot = Boot {
    mode: BootMode::Bios,
    label: DiskLabel::Gpt,
};
const BIOS: Boot = Boot {
    mode: BootMode::Bios,
    label: DiskLabel::Msdos,
};

fn disk(name: &str, gib: u64, sector_bytes: u32) -> DiskFacts {
    DiskFacts::from(Disk {
        name: format!("/dev/{name}"),
        size: gib << 30,
        serial: Some(format!("serial-{name}")),
        logical_sectors: Some(sector_bytes),
        ..Disk::default()
    })
}

fn disks(names: &[&str]) -> Vec<DiskFacts> {
    names.iter().map(|name| disk(name, 100, 512)).collect()
}

fn config(logical_disks: &Value) -> RaidConfig {
    let mut logical_disks = logical_disks.as_array().unwrap().clone();
    for disk in &mut logical_disks {
        disk["controller"] = json!("software");
    }
    let config = json!({"logical_disks": logical_disks});
    RaidConfig::parse(&config, &[]).unwrap().unwrap()
}

/// `sda 1 551-51200` and `md0 RAID 1 named md0 of sda1 sdb1`.
fn shown(layout: &Layout, sectors_in_mib: u64) -> Vec<String> {
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut lines = Vec::new();
    for disk in &layout.disks {
        for Partition {
            number,
            first,
            last,
        } in &disk.partitions
        {
            assert_eq!(
                (first % sectors_in_mib, (last + 1) % sectors_in_mib),
                (0, 0)
            );
            let (first, end) = (first / sectors_in_mib, (last + 1) / sectors_in_mib);
            lines.push(format!("{} {number} {first}-{end}", name(&disk.path)));
        }
    }
    for array in &layout.arrays {
        let member = |member: &Member| format!(" {}:{}", name(&member.disk), member.number);
        let members: String = array.members.iter().map(member).collect();
        let level = array.level.mdadm_name();
        lines.push(format!(
            "{} RAID {level} named {} of{members}",
            name(&array.device),
            array.name
        ));
    }
    lines
}

fn check(boot: Boot, disks: &[DiskFacts], wanted: &Value, expected: &[&str]) {
    let layout = plan(&config(wanted), disks, boot, &[]).unwrap();
    let sectors_in_mib = MIB / u64::from(disks[0].disk.logical_sectors.unwrap());
    assert_eq!(shown(&layout, sectors_in_mib), expected, "{wanted}");
    assert!(layout.disks.iter().all(|disk| disk.label == boot.label));
}

#[test]
fn a_mirror_of_all_disks_leaves_room_for_what_boots() {
    let wanted = json!([{"raid_level": "1", "size_gb": "MAX"}]);
    for (boot, start) in [(UEFI, 551), (BIOS_GPT, 8), (BIOS, 1)] {
        let expected = [
            format!("sda 1 {start}-102399"),
            format!("sdb 1 {start}-102399"),
            "md0 RAID 1 named md0 of sda:1 sdb:1".to_owned(),
        ];
        let expected: Vec<_> = expected.iter().map(String::as_str).collect();
        check(boot, &disks(&["sda", "sdb"]), &wanted, &expected);
    }
    let large_sectors = [disk("nvme0n1", 100, 4096), disk("nvme1n1", 100, 4096)];
    let expected = [
        "nvme0n1 1 551-102399",
        "nvme1n1 1 551-102399",
        "md0 RAID 1 named md0 of nvme0n1:1 nvme1n1:1",
    ];
    check(UEFI, &large_sectors, &wanted, &expected);
}

#[test]
fn a_second_volume_follows_the_first_on_each_disk() {
    let wanted = json!([
        {"raid_level": "1", "size_gb": 40, "volume_name": "root"},
        {"raid_level": "5", "size_gb": "MAX", "volume_name": "data"},
    ]);
    let expected = [
        "sda 1 551-40960",
        "sda 2 40960-102399",
        "sdb 1 551-40960",
        "sdb 2 40960-102399",
        "sdc 1 551-40960",
        "sdc 2 40960-102399",
        "md0 RAID 1 named root of sda:1 sdb:1 sdc:1",
        "md1 RAID 5 named data of sda:2 sdb:2 sdc:2",
    ];
    check(UEFI, &disks(&["sda", "sdb", "sdc"]), &wanted, &expected);
}

#[test]
fn volumes_on_different_disks_begin_on_each_with_partition_1() {
    let wanted = json!([
        {"raid_level": "1", "size_gb": "MAX", "physical_disks": [{"serial": "serial-sdb"}, {"name": "/dev/sda"}]},
        {"raid_level": "1+0", "size_gb": 10, "physical_disks": [{"size": 100}, {"size": 100}]},
    ]);
    // The second volume is made first, and its hints fit the first disks.
    let expected = [
        "sda 1 1-10240",
        "sda 2 10240-102399",
        "sdb 1 1-10240",
        "sdb 2 10240-102399",
        "md0 RAID 10 named md0 of sda:1 sdb:1",
        "md1 RAID 1 named md1 of sdb:2 sda:2",
    ];
    check(BIOS, &disks(&["sda", "sdb", "sdc"]), &wanted, &expected);
    let wanted = json!([
        {"raid_level": "1", "size_gb": 20, "physical_disks": [{"name": "/dev/sda"}, {"name": "/dev/sdb"}]},
        {"raid_level": "0", "size_gb": 30, "physical_disks": [{"name": "/dev/sdb"}, {"name": "/dev/sdc"}]},
    ]);
    let expected = [
        "sda 1 8-20480",
        "sdb 1 8-20480",
        "sdb 2 20480-51200",
        "sdc 1 8-30720",
        "md0 RAID 1 named md0 of sda:1 sdb:1",
        "md1 RAID 0 named md1 of sdb:2 sdc:1",
    ];
    check(BIOS_GPT, &disks(&["sda", "sdb", "sdc"]), &wanted, &expected);
}

#[test]
fn a_small_disk_and_missing_disks_are_refused() {
    let refused = |disks: &[DiskFacts], boot, wanted: Value, expected: &str| {
        let error = plan(&config(&wanted), disks, boot, &[]).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected), "{error}");
    };
    let two = disks(&["sda", "sdb"]);
    let whole = json!([{"raid_level": "1", "size_gb": 100}]);
    refused(
        &two,
        UEFI,
        whole,
        "it would end at 102400 MiB of 102399 MiB",
    );
    let max = json!([{"raid_level": "1", "size_gb": "MAX"}]);
    let one = "takes at least 2 disks, and there are 1";
    refused(&two[..1], UEFI, max, one);
    let six = json!([{"raid_level": "1", "size_gb": 1}, {"raid_level": "6", "size_gb": 1}]);
    let few = "logical disk 2: RAID 6 takes at least 4 disks, and there are 2";
    refused(&two, UEFI, six, few);
    let hints = json!([{"raid_level": "1", "size_gb": 1,
                        "physical_disks": [{"name": "/dev/sda"}, {"serial": "serial-sda"}]}]);
    refused(
        &two,
        UEFI,
        hints,
        "fits the physical disk (serial s== serial-sda)",
    );
    let tiny = [disk("sda", 0, 512), disk("sdb", 1, 512)];
    let max = json!([{"raid_level": "1", "size_gb": "MAX"}]);
    refused(&tiny, BIOS, max, "does not fit on /dev/sda");
}

#[test]
fn an_mbr_ends_at_2_tib() {
    let large = [disk("sda", 4096, 512), disk("sdb", 4096, 512)];
    let wanted = json!([{"raid_level": "1", "size_gb": "MAX"}]);
    let layout = plan(&config(&wanted), &large, BIOS, &[]).unwrap();
    assert!(layout.disks[0].partitions[0].last < 1 << 32);
    let layout = plan(&config(&wanted), &large, BIOS_GPT, &[]).unwrap();
    assert!(layout.disks[0].partitions[0].last > 1 << 32);
}

#[test]
fn numbers_of_volumes_that_are_there_are_left_out() {
    let wanted = json!([{"raid_level": "1", "size_gb": 5}, {"raid_level": "0", "size_gb": 5}]);
    let taken = [PathBuf::from("/dev/md1"), PathBuf::from("/dev/md127")];
    let layout = plan(&config(&wanted), &disks(&["sda", "sdb"]), UEFI, &taken).unwrap();
    let devices: Vec<_> = layout.arrays.iter().map(|array| &array.device).collect();
    assert_eq!(devices, [Path::new("/dev/md0"), Path::new("/dev/md2")]);
}

#[test]
fn mdadm_is_asked_for_a_volume_in_these_words() {
    let mut first = config(&json!([{"raid_level": "1", "size_gb": 5}])).volumes;
    first[0].level = Level::Raid10;
    first[0].name = Some("fast".to_owned());
    let config = RaidConfig { volumes: first };
    let layout = plan(&config, &disks(&["sda", "sdb"]), UEFI, &[]).unwrap();
    let nodes = ["/dev/sda1", "/dev/sdb1"].map(PathBuf::from);
    assert_eq!(
        layout.arrays[0].create_arguments(&nodes).join(" "),
        "--create /dev/md0 --force --run --metadata=1 --homehost=any --level 10 --name fast \
         --raid-devices 2 /dev/sda1 /dev/sdb1"
    );
}
