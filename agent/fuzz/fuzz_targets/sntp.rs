//! Made-up input for the reader of SNTP packets.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ferric_agent::fuzzing::check("sntp", bytes));
