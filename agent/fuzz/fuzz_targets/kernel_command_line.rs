//! Made-up input for the reader of the kernel command line.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| ferric_agent::fuzzing::check("kernel_command_line", bytes));
