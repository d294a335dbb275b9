//! Made-up input for the reader of config drives.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ferric_agent::fuzzing::check("config_drive", bytes));
