#![no_main]

use net::grpc::frame::{Deframer, Encoding};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    const LIMIT: usize = 1 << 16;
    let Some((&how, rest)) = bytes.split_first() else { return };
    let encoding = Encoding::parse(["", "gzip", "snappy"][usize::from(how) % 3]);
    let mut deframer = Deframer::new(LIMIT);
    for chunk in rest.chunks(usize::from(how / 3) + 1) {
        deframer.push(chunk.to_vec().into());
        loop {
            match deframer.next(&encoding) {
                Ok(Some(message)) => assert!(message.len() <= LIMIT),
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
});
