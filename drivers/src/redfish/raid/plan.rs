//! Which disks of which controller a logical disk is made of. Pure.

use serde_json::{Value, json};

use super::level::Level;
use super::storage::{Controller, Drive, GIB};
use crate::{LogicalDisk, Restart, VolumeSize};

/// A volume that can be made.
#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    /// The collection to which it is added.
    pub(super) volumes: String,
    pub(super) restart: Restart,
    pub(super) name: Option<String>,
    raid_type: &'static str,
    capacity_bytes: u64,
    drives: Vec<String>,
    apply_time: Option<&'static str>,
}

impl Plan {
    pub(super) fn body(&self) -> Value {
        let drives: Vec<_> = self
            .drives
            .iter()
            .map(|path| json!({"@odata.id": path}))
            .collect();
        let mut body = json!({
            "RAIDType": self.raid_type,
            "CapacityBytes": self.capacity_bytes,
            "Links": {"Drives": drives},
        });
        if let Some(name) = &self.name {
            body["Name"] = json!(name);
        }
        if let Some(time) = self.apply_time {
            body["@Redfish.OperationApplyTime"] = json!(time);
        }
        body
    }
}

/// The first controller that can make it does; its disks count as used from then on.
///
/// # Errors
/// Why none can, for people.
pub(super) fn plan(disk: &LogicalDisk, controllers: &mut [Controller]) -> Result<Plan, String> {
    let Some(level) = Level::of_name(&disk.raid_level) else {
        return Err("the levels 0, 1, 5, 6, 1+0, 5+0 and 6+0".to_owned());
    };
    let mut problems = Vec::new();
    for controller in controllers {
        let named = controller.names.first().cloned().unwrap_or_default();
        let is_meant = disk
            .controller
            .as_ref()
            .is_none_or(|name| controller.names.contains(name));
        if !is_meant {
            problems.push(format!("controller {named}"));
            continue;
        }
        match on_controller(disk, level, controller) {
            Ok(plan) => return Ok(plan),
            Err(problem) => problems.push(format!("on controller {named}: {problem}")),
        }
    }
    if problems.is_empty() {
        problems.push("no controller that makes volumes".to_owned());
    }
    Err(problems.join("; "))
}

fn on_controller(
    disk: &LogicalDisk,
    level: &'static Level,
    controller: &mut Controller,
) -> Result<Plan, String> {
    let (apply_time, restart) = controller.acts();
    let mut fitting: Vec<&mut Drive> = controller
        .drives
        .iter_mut()
        .filter(|drive| fits(disk, drive))
        .collect();
    let named = disk.physical_disks.len();
    if named > 0 && fitting.len() < named {
        let count = fitting.len();
        return Err(format!("{count} of the {named} named disks that are free"));
    }
    let available = fitting.len();
    let asked = disk
        .number_of_physical_disks
        .or_else(|| (named > 0).then_some(named));
    // The smallest disks that suffice, so that large ones are left for what needs them.
    fitting.sort_by(|one, other| {
        (one.capacity_bytes, &one.path).cmp(&(other.capacity_bytes, &other.path))
    });
    let counts = asked.map_or(level.min_disks..=available, |count| count..=count);
    let enough = counts
        .filter(|count| level.takes(*count) && *count <= available)
        .find_map(|count| window(disk, level, &fitting, count));
    let Some((start, count, capacity_bytes)) = enough else {
        let asked = asked.unwrap_or(level.min_disks);
        return Err(format!(
            "{available} free disks that fit, too few or too small for {asked} at level {}",
            level.name
        ));
    };
    let chosen = &mut fitting[start..start + count];
    let drives = chosen.iter().map(|drive| drive.path.clone()).collect();
    for drive in chosen {
        drive.is_used = true;
    }
    Ok(Plan {
        volumes: controller.volumes_path.clone(),
        restart,
        name: disk.volume_name.clone(),
        raid_type: level.redfish,
        capacity_bytes,
        drives,
        apply_time,
    })
}

/// The first so many disks in a row that hold what is asked for: where they begin, how many, and the bytes to ask for.
fn window(
    disk: &LogicalDisk,
    level: &Level,
    fitting: &[&mut Drive],
    count: usize,
) -> Option<(usize, usize, u64)> {
    let holds = |start: usize| level.capacity_bytes(count, fitting[start].capacity_bytes);
    let starts = 0..=fitting.len().checked_sub(count)?;
    match disk.size {
        VolumeSize::Gib(size) => {
            let wanted = size.saturating_mul(GIB);
            let mut starts = starts;
            let start = starts.find(|start| holds(*start) >= wanted)?;
            Some((start, count, wanted))
        }
        VolumeSize::Max => {
            let start = *starts.end();
            Some((start, count, holds(start)))
        }
    }
}

fn fits(disk: &LogicalDisk, drive: &Drive) -> bool {
    let same = |wanted: &Option<String>, shown: &Option<String>| {
        wanted.is_none() || wanted.as_ref() == shown.as_ref()
    };
    let named = disk.physical_disks.is_empty()
        || disk.physical_disks.iter().any(|name| {
            let name = name.as_str();
            name.is_some_and(|name| drive.names.iter().any(|known| known == name))
        });
    named
        && (!drive.is_used || disk.share_physical_disks)
        && same(&disk.disk_type, &drive.disk_type)
        && same(&disk.interface_type, &drive.interface_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drive(name: &str, gib: u64, kind: &str) -> Drive {
        Drive {
            path: format!("/d/{name}"),
            names: vec![name.to_owned()],
            capacity_bytes: gib * GIB,
            disk_type: Some(kind.to_owned()),
            interface_type: Some("sas".to_owned()),
            is_used: false,
        }
    }

    fn controllers() -> Vec<Controller> {
        vec![Controller {
            names: vec!["RAID.1".to_owned()],
            volumes_path: "/v".to_owned(),
            apply_times: vec!["Immediate".to_owned(), "OnReset".to_owned()],
            drives: vec![
                drive("a", 100, "hdd"),
                drive("b", 100, "hdd"),
                drive("c", 400, "ssd"),
                drive("d", 400, "ssd"),
                drive("e", 400, "ssd"),
            ],
            volumes: Vec::new(),
        }]
    }

    fn wanted(size: VolumeSize, level: &str) -> LogicalDisk {
        LogicalDisk {
            size,
            raid_level: level.to_owned(),
            volume_name: Some("v".to_owned()),
            is_root_volume: false,
            share_physical_disks: false,
            disk_type: None,
            interface_type: None,
            number_of_physical_disks: None,
            controller: None,
            physical_disks: Vec::new(),
        }
    }

    fn chosen(disk: &LogicalDisk) -> Result<(String, u64), String> {
        let plan = plan(disk, &mut controllers())?;
        Ok((plan.drives.join(" "), plan.capacity_bytes / GIB))
    }

    #[test]
    fn the_smallest_disks_that_suffice_are_taken() {
        let ssd = Some("ssd".to_owned());
        let cases = [
            (wanted(VolumeSize::Gib(50), "1"), "/d/a /d/b", 50),
            (wanted(VolumeSize::Gib(101), "1"), "/d/c /d/d", 101),
            (wanted(VolumeSize::Max, "1"), "/d/d /d/e", 400),
            (wanted(VolumeSize::Gib(700), "5"), "/d/c /d/d /d/e", 700),
            (
                LogicalDisk {
                    disk_type: ssd,
                    ..wanted(VolumeSize::Gib(10), "0")
                },
                "/d/c",
                10,
            ),
            (
                LogicalDisk {
                    number_of_physical_disks: Some(3),
                    ..wanted(VolumeSize::Gib(10), "0")
                },
                "/d/a /d/b /d/c",
                10,
            ),
            (
                LogicalDisk {
                    physical_disks: vec!["b".into(), "e".into()],
                    ..wanted(VolumeSize::Max, "1")
                },
                "/d/b /d/e",
                100,
            ),
        ];
        for (disk, drives, size) in cases {
            assert_eq!(chosen(&disk), Ok((drives.to_owned(), size)), "{disk:?}");
        }
    }

    #[test]
    fn what_cannot_be_made_says_what_there_is() {
        let cases = [
            (wanted(VolumeSize::Gib(1), "JBOD"), "the levels 0, 1, 5"),
            (
                wanted(VolumeSize::Gib(500), "1"),
                "on controller RAID.1: 5 free disks that fit, too few or too small",
            ),
            (
                wanted(VolumeSize::Gib(1), "6+0"),
                "too few or too small for 8 at level 6+0",
            ),
            (
                LogicalDisk {
                    controller: Some("RAID.2".to_owned()),
                    ..wanted(VolumeSize::Gib(1), "1")
                },
                "controller RAID.1",
            ),
            (
                LogicalDisk {
                    physical_disks: vec!["a".into(), "z".into()],
                    ..wanted(VolumeSize::Gib(1), "1")
                },
                "1 of the 2 named disks that are free",
            ),
        ];
        for (disk, expected) in cases {
            let problem = chosen(&disk).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
    }

    #[test]
    fn disks_are_used_once() {
        let mut controllers = controllers();
        let disk = wanted(VolumeSize::Gib(50), "1");
        let first = plan(&disk, &mut controllers).unwrap();
        let second = plan(&disk, &mut controllers).unwrap();
        assert_eq!(first.drives, ["/d/a", "/d/b"]);
        assert_eq!(second.drives, ["/d/c", "/d/d"]);
        assert!(plan(&disk, &mut controllers).is_err());
    }

    #[test]
    fn a_controller_that_acts_at_the_next_start_needs_one() {
        let mut controllers = controllers();
        controllers[0].apply_times = vec!["OnReset".to_owned()];
        let plan = plan(&wanted(VolumeSize::Gib(50), "1"), &mut controllers).unwrap();
        assert_eq!(plan.restart, Restart::Needed);
        assert_eq!(plan.body()["@Redfish.OperationApplyTime"], "OnReset");
    }
}
