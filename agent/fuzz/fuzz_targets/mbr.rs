//! Made-up input for the reader of master boot records.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ferric_agent::fuzzing::check("mbr", bytes));
