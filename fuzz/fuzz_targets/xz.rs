#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kiln_fuzz::unpack(b"\xfd7zXZ\0", bytes));
