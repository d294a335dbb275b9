//! The order in which the firmware tries the devices, given to it as `bootindex`.

use super::Target;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Disk(usize),
    Cd,
    Nic(usize),
}

/// All devices of a machine, first to last. An override moves its kind to the front; the rest stays as a fallback, as on real machines.
pub fn device_order(target: Target, disks: usize, nics: usize) -> Vec<Device> {
    let first = |device: &Device| match device {
        Device::Disk(_) => target == Target::Hdd,
        Device::Cd => target == Target::Cd,
        Device::Nic(_) => target == Target::Pxe,
    };
    let mut order: Vec<Device> = (0..disks)
        .map(Device::Disk)
        .chain([Device::Cd])
        .chain((0..nics).map(Device::Nic))
        .collect();
    order.sort_by_key(|device| !first(device));
    order
}

#[cfg(test)]
mod tests {
    use super::Device::{Cd, Disk, Nic};
    use super::*;

    #[test]
    fn the_target_comes_first_and_the_rest_keeps_its_order() {
        for (target, expected) in [
            (Target::None, [Disk(0), Disk(1), Cd, Nic(0), Nic(1)]),
            (Target::Hdd, [Disk(0), Disk(1), Cd, Nic(0), Nic(1)]),
            (Target::Cd, [Cd, Disk(0), Disk(1), Nic(0), Nic(1)]),
            (Target::Pxe, [Nic(0), Nic(1), Disk(0), Disk(1), Cd]),
        ] {
            assert_eq!(device_order(target, 2, 2), expected, "{target:?}");
        }
        assert_eq!(device_order(Target::Pxe, 1, 0), [Disk(0), Cd]);
    }
}
