//! Made-up input for the reader of ISO 9660 of virtual media.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ferric_agent::fuzzing::check("iso9660", bytes));
