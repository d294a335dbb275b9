//! Made-up input for the reader of network data of virtual media.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ferric_agent::fuzzing::check("network_data", bytes));
