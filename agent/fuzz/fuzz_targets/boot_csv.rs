//! Made-up input for the reader of BOOT.CSV on an EFI system partition.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ferric_agent::fuzzing::check("boot_csv", bytes));
