//! Made-up input for the reader of the firmware's boot entries.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ferric_agent::fuzzing::check("boot_entries", bytes));
