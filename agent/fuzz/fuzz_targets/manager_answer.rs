//! Made-up input for the reader of the answers of hardware managers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ferric_agent::fuzzing::check("manager_answer", bytes));
