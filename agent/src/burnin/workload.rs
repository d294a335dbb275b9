//! What processors compute, and what must come out. Each workload is for other units of a core: those for whole
//! numbers, for floating point, for vectors, and for what the instruction set has for digests.
//!
//! The results are not computed by the machine that is tested; they were computed by other programs.

use std::hint::black_box;

use aws_lc_rs::digest::{Algorithm, Context, SHA256, SHA512};

/// Something to compute, which takes milliseconds.
pub(super) struct Workload {
    pub(super) name: &'static str,
    pub(super) run: fn() -> u64,
    pub(super) result: u64,
    /// Roughly what it works on, for the progress.
    pub(super) bytes: u64,
}

pub(super) const WORKLOADS: [Workload; 5] = [
    Workload {
        name: "whole numbers",
        run: whole_numbers,
        result: 0x1f6e_86df_b366_b000,
        bytes: 8 * NUMBERS,
    },
    Workload {
        name: "floating point",
        run: floating_point,
        result: 0x7592_42d9_0a51_d24c,
        bytes: 8 * NUMBERS,
    },
    Workload {
        name: "vectors",
        run: vectors,
        result: 0xc4b7_581a_c4ad_56f9,
        bytes: 8 * LANES as u64 * ROUNDS,
    },
    Workload {
        name: "SHA-256",
        run: sha_256,
        result: 0x9665_95dc_e6ea_f0d4,
        bytes: DIGESTS * DIGESTED as u64,
    },
    Workload {
        name: "SHA-512",
        run: sha_512,
        result: 0x36a1_79b5_65e6_1157,
        bytes: DIGESTS * DIGESTED as u64,
    },
];

const NUMBERS: u64 = 200_000;
const LANES: usize = 1024;
const ROUNDS: u64 = 300;
const DIGESTS: u64 = 8;
const DIGESTED: usize = 64 << 10;

/// Shifts, products, quotients and remainders, each of which depends on all before it.
fn whole_numbers() -> u64 {
    let mut state: u64 = black_box(0x9e37_79b9_7f4a_7c15);
    let mut sum: u64 = 0;
    for index in 0..NUMBERS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let mixed = state.wrapping_mul(0xd134_2543_de82_ef95).rotate_left(29);
        sum = sum.wrapping_add(mixed / (index | 1));
        sum ^= mixed % (state | 1);
    }
    sum
}

/// A sequence in which a wrong bit grows: any other result than the right one differs in many bits.
fn floating_point() -> u64 {
    let (mut state, mut sum, mut index): (f64, f64, f64) = (black_box(0.5), 0.0, 0.0);
    for _ in 0..NUMBERS {
        index += 1.0;
        state = 3.7 * state * (1.0 - state);
        sum += (state + index).sqrt() / (index + 0.25);
    }
    sum.to_bits() ^ state.to_bits().rotate_left(32)
}

/// The same for many numbers at once.
fn vectors() -> u64 {
    let mut lanes = [0.0_f64; LANES];
    let mut start = 0.0;
    for lane in &mut lanes {
        start += 1.0;
        *lane = start / 1025.0;
    }
    for _ in 0..ROUNDS {
        for lane in black_box(&mut lanes) {
            *lane = 3.9 * *lane * (1.0 - *lane);
        }
    }
    lanes.iter().fold(0, |sum: u64, lane| {
        sum.wrapping_mul(31).wrapping_add(lane.to_bits())
    })
}

fn sha_256() -> u64 {
    digests(&SHA256)
}

fn sha_512() -> u64 {
    digests(&SHA512)
}

/// Each digest is of the one before it and of a text.
fn digests(algorithm: &'static Algorithm) -> u64 {
    let text: Vec<u8> = (0..=255_u8)
        .map(|index| index.wrapping_mul(7).wrapping_add(3))
        .cycle()
        .take(DIGESTED)
        .collect();
    let mut digest = Vec::new();
    for _ in 0..DIGESTS {
        let mut context = Context::new(algorithm);
        context.update(&digest);
        context.update(black_box(&text));
        digest = context.finish().as_ref().to_vec();
    }
    digest
        .first_chunk()
        .map_or(0, |first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected results come from a program in another language.
    #[test]
    fn this_machine_computes_what_others_do() {
        for workload in &WORKLOADS {
            assert_eq!((workload.run)(), workload.result, "{}", workload.name);
        }
    }
}
