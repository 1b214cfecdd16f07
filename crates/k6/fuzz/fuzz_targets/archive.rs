//! Any bytes are an archive or refused; what is one can be written and read again.
#![no_main]

use k6::archive::Archive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(archive) = Archive::read(bytes) {
        let again = Archive::read(&archive.write(0)).expect("what was written can be read");
        assert_eq!(again.data, archive.data);
    }
});
