//! RAID levels: Ironic's names, Redfish's names, and what they need of disks.

/// A level.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// Ironic's name.
    pub(super) name: &'static str,
    /// Redfish's `RAIDType`.
    pub(super) redfish: &'static str,
    /// The fewest disks.
    pub(super) min_disks: usize,
    /// Their number must be a multiple of this.
    pub(super) multiple: usize,
    capacity: Capacity,
}

/// How many disks' worth of data so many disks hold.
#[derive(Debug, PartialEq, Eq)]
enum Capacity {
    All,
    One,
    Half,
    Less(usize),
}

static LEVELS: [Level; 7] = [
    level("0", "RAID0", (1, 1), Capacity::All),
    level("1", "RAID1", (2, 2), Capacity::One),
    level("5", "RAID5", (3, 1), Capacity::Less(1)),
    level("6", "RAID6", (4, 1), Capacity::Less(2)),
    level("1+0", "RAID10", (4, 2), Capacity::Half),
    level("5+0", "RAID50", (6, 2), Capacity::Less(2)),
    level("6+0", "RAID60", (8, 2), Capacity::Less(4)),
];

const fn level(
    name: &'static str,
    redfish: &'static str,
    (min_disks, multiple): (usize, usize),
    capacity: Capacity,
) -> Level {
    Level {
        name,
        redfish,
        min_disks,
        multiple,
        capacity,
    }
}

impl Level {
    /// The level by Ironic's name; JBOD and 2 are none that a controller makes by Redfish.
    pub(super) fn of_name(name: &str) -> Option<&'static Level> {
        LEVELS.iter().find(|level| level.name == name)
    }

    pub(super) fn of_redfish(name: &str) -> Option<&'static Level> {
        LEVELS.iter().find(|level| level.redfish == name)
    }

    /// Whether so many disks will do.
    pub(super) fn takes(&self, disks: usize) -> bool {
        let exactly_two = self.name == "1" && disks != 2;
        disks >= self.min_disks && disks.is_multiple_of(self.multiple) && !exactly_two
    }

    /// The bytes that so many disks of this size hold.
    pub(super) fn capacity_bytes(&self, disks: usize, disk_bytes: u64) -> u64 {
        let worth = match self.capacity {
            Capacity::All => disks,
            Capacity::One => 1,
            Capacity::Half => disks / 2,
            Capacity::Less(parity) => disks.saturating_sub(parity),
        };
        disk_bytes.saturating_mul(u64::try_from(worth).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_level_needs_and_holds() {
        let cases = [
            ("0", 1, true, 100),
            ("0", 3, true, 300),
            ("1", 2, true, 100),
            ("1", 3, false, 100),
            ("1", 4, false, 100),
            ("5", 2, false, 100),
            ("5", 4, true, 300),
            ("6", 4, true, 200),
            ("1+0", 4, true, 200),
            ("1+0", 5, false, 200),
            ("5+0", 6, true, 400),
            ("6+0", 8, true, 400),
        ];
        for (name, disks, takes, capacity) in cases {
            let level = Level::of_name(name).unwrap();
            assert_eq!(level.takes(disks), takes, "{name} {disks}");
            assert_eq!(level.capacity_bytes(disks, 100), capacity, "{name} {disks}");
            assert_eq!(Level::of_redfish(level.redfish), Some(level));
        }
        assert_eq!(Level::of_name("2"), None);
        assert_eq!(Level::of_name("JBOD"), None);
    }
}
