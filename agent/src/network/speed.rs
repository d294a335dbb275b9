//! Speeds of link modes, by the kernel's numbers for the modes.

/// First mode, last mode and Mbit/s, from `enum ethtool_link_mode_bit_indices` of linux/ethtool.h. Numbers that are left
/// out stand for plugs, pauses and error correction.
const MODES: [(usize, usize, u64); 35] = [
    (0, 1, 10),
    (2, 3, 100),
    (4, 5, 1_000),
    (12, 12, 10_000),
    (15, 15, 2_500),
    (17, 17, 1_000),
    (18, 20, 10_000),
    (21, 22, 20_000),
    (23, 26, 40_000),
    (27, 30, 56_000),
    (31, 33, 25_000),
    (34, 35, 50_000),
    (36, 39, 100_000),
    (40, 40, 50_000),
    (41, 41, 1_000),
    (42, 46, 10_000),
    (47, 47, 2_500),
    (48, 48, 5_000),
    (52, 56, 50_000),
    (57, 61, 100_000),
    (62, 66, 200_000),
    (67, 67, 100),
    (68, 68, 1_000),
    (69, 73, 400_000),
    (75, 79, 100_000),
    (80, 84, 200_000),
    (85, 89, 400_000),
    (90, 91, 100),
    (92, 92, 10),
    (93, 98, 800_000),
    (99, 102, 10),
    (103, 108, 200_000),
    (109, 114, 400_000),
    (115, 120, 800_000),
    (121, 124, 1_600_000),
];

/// The highest speed of the modes in a mask of 32-bit words, in Mbit/s.
pub(super) fn fastest(mask: &[u32]) -> Option<u64> {
    let is_set = |mode: usize| {
        let word = mask.get(mode / 32).unwrap_or(&0);
        word >> (mode % 32) & 1 == 1
    };
    let supported = MODES
        .iter()
        .filter(|(first, last, _)| (*first..=*last).any(is_set));
    supported.map(|(_, _, speed)| *speed).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Modes by name, as they stand in linux/ethtool.h.
    #[test]
    fn the_fastest_mode_wins() {
        let mask = |modes: &[usize]| {
            let mut mask = [0_u32; 4];
            for mode in modes {
                mask[mode / 32] |= 1 << (mode % 32);
            }
            mask
        };
        let cases: [(&[usize], Option<u64>); 10] = [
            (&[], None),
            // Autoneg, TP, Pause.
            (&[6, 7, 13], None),
            // 10baseT to 1000baseT.
            (&[0, 1, 2, 3, 5, 6], Some(1_000)),
            // 1000baseT, 2500baseT, 5000baseT, 10000baseT.
            (&[5, 47, 48, 12], Some(10_000)),
            // 10000baseR FEC, 25000baseCR.
            (&[20, 31], Some(25_000)),
            // 40000baseCR4, 50000baseCR2, 100000baseCR4.
            (&[24, 34, 38], Some(100_000)),
            // FEC of all kinds.
            (&[49, 50, 51, 74], None),
            // 100000baseCR, 200000baseCR2.
            (&[78, 84], Some(200_000)),
            // 400000baseCR4.
            (&[89], Some(400_000)),
            // 800000baseVR4, 1600000baseDR8_2.
            (&[120, 124], Some(1_600_000)),
        ];
        for (modes, expected) in cases {
            assert_eq!(fastest(&mask(modes)), expected, "{modes:?}");
        }
        assert_eq!(fastest(&[1 << 5]), Some(1_000));
    }
}
