//! What is done to the machine, in which order, and what is left alone.

use std::path::{Path, PathBuf};

use ferric_agent_protocol::boot::BootMode;
use ferric_agent_protocol::hints::DiskFacts;
use serde_json::{Value, json};

use super::bench::Bench;
use super::config::RaidConfig;
use super::create::{create, replace};
use super::delete::delete;
use super::error::RaidError;
use super::esp;
use super::standing::{Kept, Standing, named};
use super::testing::{Played, facts, node};
use super::{Choice, Hinted};

fn wanted() -> Value {
    json!({"logical_disks": [
        {"controller": "software", "raid_level": "1", "size_gb": 40, "volume_name": "root",
         "is_root_volume": true},
        {"controller": "software", "raid_level": "0", "size_gb": "MAX", "volume_name": "data",
         "is_root_volume": false},
    ]})
}

fn make(bench: &Played, properties: &Value) -> Result<(), RaidError> {
    let node = node(&json!({"properties": properties}));
    let kept = node.skipped_volumes().unwrap();
    let config = RaidConfig::parse(&wanted(), &kept).unwrap().unwrap();
    create(bench, &node, &config, BootMode::Uefi)
}

#[test]
fn tables_are_written_before_volumes_are_made_of_them() {
    let bench = Played::new(&["sda", "sdb"]);
    make(&bench, &json!({})).unwrap();
    let create = "--force --run --metadata=1 --homehost=any --level";
    let expected = [
        "table /dev/sda 2".to_owned(),
        "table /dev/sdb 2".to_owned(),
        format!(
            "mdadm --create /dev/md0 {create} 1 --name root --raid-devices 2 /dev/sda1 /dev/sdb1"
        ),
        format!(
            "mdadm --create /dev/md1 {create} 0 --name data --raid-devices 2 /dev/sda2 /dev/sdb2"
        ),
    ];
    assert_eq!(bench.notes(), expected);
}

#[test]
fn nothing_is_written_where_something_is_refused() {
    let occupied = Played::new(&["sda", "sdb"]).with_partitions("sdb", 1);
    let error = make(&occupied, &json!({})).unwrap_err().to_string();
    assert!(
        error.contains("there are partitions on /dev/sdb"),
        "{error}"
    );
    let forbidden = Played::new(&["sda", "sdb"]).refusing("/dev/sdb");
    assert!(matches!(
        make(&forbidden, &json!({})),
        Err(RaidError::Refused(_))
    ));
    let alone = Played::new(&["sda", "sdb"]);
    let skipped = json!({"skip_block_devices": [{"name": "/dev/sdb"}]});
    assert!(matches!(make(&alone, &skipped), Err(RaidError::Plan(_))));
    let shared = Played::new(&["sda", "sdb"]).sharing("/dev/sdb");
    assert!(matches!(
        make(&shared, &json!({})),
        Err(RaidError::Erase(_))
    ));
    for bench in [occupied, forbidden, alone, shared] {
        assert!(bench.notes().is_empty(), "{:?}", bench.notes());
    }
}

#[test]
fn a_member_that_mdadm_left_out_is_added_and_tried_again() {
    let bench = Played::new(&["sda", "sdb"])
        .late("/dev/sdb1")
        .failing("mdadm --add", 2);
    make(&bench, &json!({})).unwrap();
    let notes = bench.notes();
    let adds = notes
        .iter()
        .filter(|note| note.as_str() == "mdadm --add /dev/md0 /dev/sdb1");
    assert_eq!(adds.count(), 3);
    let bench = Played::new(&["sda", "sdb"])
        .late("/dev/sdb1")
        .failing("mdadm --add", 3);
    assert!(matches!(make(&bench, &json!({})), Err(RaidError::Run(_))));
}

#[test]
fn beside_a_kept_volume_the_others_stay_or_nothing_is_made() {
    let keep = json!({"skip_block_devices": [{"volume_name": "data"}]});
    let both = Played::new(&["sda", "sdb"]).with(&[
        ("md126", "data", "raid0", &["sda2", "sdb2"]),
        ("md127", "root", "raid1", &["sda1", "sdb1"]),
    ]);
    make(&both, &keep).unwrap();
    let one = Played::new(&["sda", "sdb"]).with(&[("md126", "data", "raid0", &["sda2", "sdb2"])]);
    let error = make(&one, &keep).unwrap_err().to_string();
    assert!(error.contains("missing are: root"), "{error}");
    assert!(both.notes().is_empty() && one.notes().is_empty());
    let elsewhere = Played::new(&["sda", "sdb", "sdc", "sdd"]).with(&[(
        "md0",
        "other",
        "raid1",
        &["sdc1", "sdd1"],
    )]);
    make(
        &elsewhere,
        &json!({"skip_block_devices": [{"volume_name": "other"}]}),
    )
    .unwrap();
    assert_eq!(elsewhere.devices(), ["/dev/md0", "/dev/md1", "/dev/md2"]);
    assert!(!elsewhere.notes().join(" ").contains("sdc"));
}

#[test]
fn a_kept_volume_that_does_not_run_yet_is_seen() {
    let keep = json!({"skip_block_devices": [{"volume_name": "data"}]});
    let bench = Played::new(&["sda", "sdb"]).with_hidden(&[
        ("md126", "data", "raid0", &["sda2", "sdb2"]),
        ("md127", "root", "raid1", &["sda1", "sdb1"]),
    ]);
    make(&bench, &keep).unwrap();
    assert!(bench.notes().is_empty(), "{:?}", bench.notes());
}

#[test]
fn nothing_is_deleted_for_volumes_that_do_not_fit() {
    let replaced = |size_gb: u64| {
        let bench = Played::new(&["sda", "sdb"])
            .with(&[("md0", "old", "raid1", &["sda1", "sdb1"])])
            .failing("mdadm --examine", 10);
        let wanted = json!({"logical_disks": [
            {"controller": "software", "raid_level": "1", "size_gb": size_gb, "volume_name": "new"},
        ]});
        let config = RaidConfig::parse(&wanted, &[]).unwrap().unwrap();
        let outcome = replace(&bench, &node(&json!({})), &config, BootMode::Uefi);
        (outcome, bench)
    };
    let (outcome, bench) = replaced(1000);
    assert!(matches!(outcome, Err(RaidError::Plan(_))), "{outcome:?}");
    assert!(bench.notes().is_empty(), "{:?}", bench.notes());
    let (outcome, bench) = replaced(50);
    outcome.unwrap();
    let notes = bench.notes();
    assert!(
        notes.contains(&"mdadm --stop /dev/md0".to_owned()),
        "{notes:?}"
    );
    assert_eq!(bench.devices(), ["/dev/md0"], "its number is free again");
}

#[test]
fn deleting_takes_volumes_apart_and_then_clears_their_disks() {
    let bench = Played::new(&["sda", "sdb"])
        .with_partitions("sda", 1)
        .with_partitions("sdb", 1)
        .with_hidden(&[("md127", "root", "raid1", &["sda1", "sdb1"])])
        .failing("mdadm --stop", 1)
        .failing("mdadm --examine", 10);
    delete(&bench, &node(&json!({}))).unwrap();
    let expected = [
        "clear /dev/md127",
        "mdadm --stop /dev/md127",
        "settle",
        "mdadm --stop /dev/md127",
        "mdadm --zero-superblock /dev/sda1",
        "mdadm --zero-superblock /dev/sdb1",
        "clear /dev/sda",
        "clear /dev/sdb",
    ];
    assert_eq!(bench.notes(), expected);
    assert!(bench.devices().is_empty());
}

#[test]
fn traces_of_older_volumes_are_taken_off_disks_that_have_none() {
    let bench = Played::new(&["sda"]).with_partitions("sda", 1);
    delete(&bench, &node(&json!({}))).unwrap();
    let expected = [
        "mdadm --zero-superblock /dev/sda1",
        "mdadm --zero-superblock /dev/sda",
    ];
    assert_eq!(bench.notes(), expected);
}

#[test]
fn a_kept_volume_stays_with_what_boots_and_its_neighbour_is_emptied() {
    let bench = Played::new(&["sda", "sdb", "sdc"])
        .with(&[
            ("md125", "data", "raid0", &["sda2", "sdb2"]),
            ("md126", "esp", "raid1", &["sda3", "sdb3"]),
            ("md127", "root", "raid1", &["sda1", "sdb1"]),
        ])
        .failing("mdadm --examine", 10);
    let keep = json!({"properties": {"skip_block_devices": [{"volume_name": "data"}]}});
    delete(&bench, &node(&keep)).unwrap();
    assert_eq!(bench.notes(), ["clear /dev/md127"]);
    assert_eq!(bench.devices().len(), 3);
}

#[test]
fn the_esp_beside_a_kept_volume_is_not_erased_and_others_beside_it_are() {
    let bench = Played::new(&["sda", "sdb", "sdc", "sdd"]).with(&[
        ("md0", "root", "raid1", &["sda1", "sdb1"]),
        ("md1", "data", "raid0", &["sda2", "sdb2"]),
        ("md2", "esp", "raid1", &["sda3", "sdb3"]),
        ("md3", "esp", "raid1", &["sdc3", "sdd3"]),
    ]);
    let erasable = |skipped: &Value| {
        let node = node(&json!({"properties": {"skip_block_devices": skipped}}));
        let arrays = named(&bench).unwrap();
        let names = ["sda", "sdb", "sdc", "sdd", "md0", "md1", "md2", "md3"];
        let disks = names.map(|name| facts(&format!("/dev/{name}")));
        let kept = Kept::of(&bench, &node, &arrays).unwrap();
        let left = kept.erasable(&arrays, disks.into()).into_iter();
        left.map(|facts| facts.disk.name).collect::<Vec<_>>()
    };
    let root = json!([{"volume_name": "root"}]);
    let beside = ["/dev/sdc", "/dev/sdd", "/dev/md1", "/dev/md3"];
    assert_eq!(erasable(&root), beside);
    let data = json!([{"volume_name": "data"}]);
    let beside = ["/dev/sdc", "/dev/sdd", "/dev/md0", "/dev/md3"];
    assert_eq!(erasable(&data), beside);
    assert_eq!(erasable(&json!([])).len(), 8);
}

#[test]
fn a_volume_with_a_disk_that_is_skipped_stays() {
    let bench = Played::new(&["sda", "sdb"])
        .with(&[("md0", "x", "raid1", &["sda1", "sdb1"])])
        .failing("mdadm --examine", 10);
    let skip = json!({"properties": {"skip_block_devices": [{"name": "/dev/sdb"}]}});
    delete(&bench, &node(&skip)).unwrap();
    assert!(bench.notes().is_empty(), "{:?}", bench.notes());
}

#[test]
fn a_volume_that_may_not_be_written_is_not_even_stopped() {
    let bench = Played::new(&["sda", "sdb"])
        .with(&[("md0", "x", "raid1", &["sda1", "sdb1"])])
        .refusing("/dev/sdb");
    let error = delete(&bench, &node(&json!({}))).unwrap_err();
    assert!(matches!(error, RaidError::Refused(_)), "{error}");
    assert!(bench.notes().is_empty(), "{:?}", bench.notes());
}

#[test]
fn a_volume_on_a_disk_with_a_shared_file_system_is_not_even_stopped() {
    let bench = Played::new(&["sda", "sdb"])
        .with(&[("md0", "x", "raid1", &["sda1", "sdb1"])])
        .sharing("/dev/sdb");
    let error = delete(&bench, &node(&json!({}))).unwrap_err();
    assert!(matches!(error, RaidError::Erase(_)), "{error}");
    assert!(bench.notes().is_empty(), "{:?}", bench.notes());
}

/// `md1` stands on `md0`.
const TWO_FLOORS: &[super::testing::Volume] = &[
    ("md0", "low", "raid0", &["sda1", "sdb1"]),
    ("md1", "high", "raid1", &["md0", "sdc1"]),
];

#[test]
fn a_volume_of_volumes_is_taken_apart_from_the_top() {
    let bench = Played::new(&["sda", "sdb", "sdc"])
        .with(TWO_FLOORS)
        .failing("mdadm --examine", 10);
    delete(&bench, &node(&json!({}))).unwrap();
    let expected = [
        "clear /dev/md1",
        "mdadm --stop /dev/md1",
        "mdadm --zero-superblock /dev/md0",
        "mdadm --zero-superblock /dev/sdc1",
        "clear /dev/md0",
        "mdadm --stop /dev/md0",
        "mdadm --zero-superblock /dev/sda1",
        "mdadm --zero-superblock /dev/sdb1",
        "clear /dev/sda",
        "clear /dev/sdb",
        "clear /dev/sdc",
    ];
    assert_eq!(bench.notes(), expected);
}

#[test]
fn what_a_kept_volume_stands_on_is_kept_with_it() {
    let bench = Played::new(&["sda", "sdb", "sdc"])
        .with(TWO_FLOORS)
        .failing("mdadm --examine", 10);
    let keep = json!({"properties": {"skip_block_devices": [{"volume_name": "high"}]}});
    delete(&bench, &node(&keep)).unwrap();
    assert!(bench.notes().is_empty(), "{:?}", bench.notes());
    assert_eq!(bench.devices(), ["/dev/md0", "/dev/md1"]);
}

#[test]
fn a_volume_that_cannot_be_stopped_is_an_error() {
    let bench = Played::new(&["sda", "sdb"])
        .with(&[("md0", "x", "raid1", &["sda1", "sdb1"])])
        .failing("mdadm --stop", 100);
    let error = delete(&bench, &node(&json!({}))).unwrap_err();
    assert!(error.to_string().contains("--stop /dev/md0"), "{error}");
}

#[test]
fn each_disk_gets_an_esp_and_the_mirror_is_used_again() {
    let bench = Played::new(&["sda", "sdb"])
        .with_partitions("sda", 2)
        .with_partitions("sdb", 2)
        .with(&[("md0", "root", "raid1", &["sda1", "sdb1"])]);
    let mirror = esp::prepare(&bench, Path::new("/dev/md0")).unwrap();
    assert_eq!(mirror.device, Path::new("/dev/md1"));
    let place = |disk: &str| (PathBuf::from(disk), 3);
    assert_eq!(mirror.places, [place("/dev/sda"), place("/dev/sdb")]);
    let expected = [
        "esp /dev/sda uefi-holder-0",
        "esp /dev/sdb uefi-holder-1",
        "mdadm --create /dev/md1 --force --run --metadata=1.0 --homehost=any --level 1 --name esp \
         --raid-devices 2 /dev/sda3 /dev/sdb3",
    ];
    assert_eq!(bench.notes(), expected);
    assert_eq!(esp::prepare(&bench, Path::new("/dev/md0")).unwrap(), mirror);
    assert_eq!(bench.notes().len(), expected.len());
    assert!(esp::prepare(&bench, Path::new("/dev/sda")).is_err());
}

#[test]
fn the_root_volume_is_chosen_before_hints_and_no_member_by_chance() {
    let volumes: &[super::testing::Volume] = &[
        ("md126", "data", "raid0", &["sda2", "sdb2"]),
        ("md127", "root", "raid1", &["sda1", "sdb1"]),
    ];
    let disks =
        || ["sda", "sdb", "sdc", "md126", "md127"].map(|name| facts(&format!("/dev/{name}")));
    let choose = |fields: &Value, hinted| {
        let bench = Played::new(&["sda", "sdb", "sdc"]).with(volumes);
        let standing = Standing::of(&bench, &node(fields)).unwrap();
        match standing.choice(disks().into(), hinted) {
            Choice::Root(facts) => vec![format!("root {}", facts.disk.name)],
            Choice::Among(disks) => disks.into_iter().map(|facts| facts.disk.name).collect(),
        }
    };
    let configured = json!({"raid_config": wanted()});
    assert_eq!(choose(&configured, Hinted::Yes), ["root /dev/md127"]);
    let target = json!({"raid_config": {}, "target_raid_config": wanted()});
    assert_eq!(choose(&target, Hinted::No), ["root /dev/md127"]);
    let mut unsaid = wanted();
    unsaid["logical_disks"][0]["is_root_volume"] = json!(null);
    let unsaid = json!({"raid_config": unsaid});
    assert_eq!(choose(&unsaid, Hinted::Yes), ["/dev/sdc", "/dev/md127"]);
    let all = [
        "/dev/sda",
        "/dev/sdb",
        "/dev/sdc",
        "/dev/md126",
        "/dev/md127",
    ];
    assert_eq!(choose(&json!({}), Hinted::Yes), all);
    let free = ["/dev/sdc", "/dev/md126", "/dev/md127"];
    assert_eq!(choose(&json!({}), Hinted::No), free);
    let keep = json!({"raid_config": wanted(),
                      "properties": {"skip_block_devices": [{"volume_name": "root"}]}});
    assert_eq!(choose(&keep, Hinted::No), ["/dev/sdc"]);
}

/// Without a multipath map the kernel shows a disk once for each path, and a volume may be made of any.
#[test]
fn a_disk_is_that_of_a_volume_by_whichever_path() {
    let bench = Played::new(&["sda", "sdb", "sdc"])
        .with_path("sda", "sdx")
        .with(&[("md0", "root", "raid1", &["sdx1", "sdb1"])]);
    let names = |disks: Vec<DiskFacts>| -> Vec<String> {
        disks.into_iter().map(|facts| facts.disk.name).collect()
    };
    let all = || bench.disks(&node(&json!({}))).unwrap();
    let erasable = |skipped: &Value| {
        let node = node(&json!({"properties": {"skip_block_devices": [skipped]}}));
        let arrays = named(&bench).unwrap();
        let kept = Kept::of(&bench, &node, &arrays).unwrap();
        names(kept.erasable(&arrays, all()))
    };
    assert_eq!(erasable(&json!({"volume_name": "root"})), ["/dev/sdc"]);
    assert_eq!(erasable(&json!({"name": "/dev/sdx"})), ["/dev/sdc"]);
    assert_eq!(erasable(&json!({"name": "/dev/sdz"})).len(), 3);
    let keep = json!({"properties": {"skip_block_devices": [{"volume_name": "root"}]}});
    delete(&bench, &node(&keep)).unwrap();
    assert_eq!(bench.notes(), ["mdadm --zero-superblock /dev/sdc"]);
    let standing = Standing::of(&bench, &node(&json!({}))).unwrap();
    let free = standing.choice(all(), Hinted::No);
    assert!(matches!(free, Choice::Among(free) if names(free.clone()) == ["/dev/sdc"]));
}
