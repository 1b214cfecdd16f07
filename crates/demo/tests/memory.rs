//! Large bodies take constant memory. A test binary of its own: nothing else may allocate meanwhile.

#![allow(clippy::unwrap_used)] // Clippy does not see that helper functions belong to tests.

mod client;

use client::Client;
use demo::{Target, TargetConfig};

/// The highest resident size of this process so far, KiB.
#[cfg(target_os = "linux")]
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_gibibyte_is_served_in_constant_memory() {
    const SIZE: u64 = 1 << 30;
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let mut client = Client::to(&target);
    assert_eq!(client.get("/get?size=1000000").body.len(), 1_000_000);
    let before = peak_kib();
    client.send(format!("GET /get?size={SIZE} HTTP/1.1\r\n\r\n").as_bytes());
    let (_, length, _) = client.head().unwrap();
    assert_eq!(length, Some(SIZE));
    assert_eq!(client.skip(SIZE).unwrap(), SIZE);
    let grown = peak_kib() - before;
    assert!(grown < 8 * 1024, "{grown} KiB more");
    assert_eq!(client.get("/v1/healthcheck").status, 200);
}
