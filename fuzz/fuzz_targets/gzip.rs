#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kiln_fuzz::unpack(&[0x1f, 0x8b, 8], bytes));
