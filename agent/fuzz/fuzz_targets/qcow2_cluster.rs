//! Made-up input for the reader of compressed clusters of qcow2.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ferric_agent::fuzzing::check("qcow2_cluster", bytes));
