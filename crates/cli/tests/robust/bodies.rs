//! Bodies of any size: discarded in constant memory, or kept up to a limit that is named.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use demo::{Target, TargetConfig};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::squall::{Folder, is_slow, shared};

const MIB: u64 = 1 << 20;
/// The most that a run may take which keeps no bodies: an unoptimised program is larger by itself.
const MOST: u64 = if cfg!(debug_assertions) { 60 * MIB } else { 48 * MIB };

/// A size that would show if it were kept: 64 MiB, or 1 GiB in the long form.
fn big() -> u64 {
    if is_slow() { 1024 * MIB } else { 64 * MIB }
}

#[test]
fn discarded_bodies_take_constant_memory() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    let script = folder.script(&format!(
        "import http from 'k6/http';
         import {{ check }} from 'k6';
         export const options = {{ vus: 2, iterations: 4, discardResponseBodies: true, thresholds: {{ checks: ['rate==1'] }} }};
         export default function () {{
           const answer = http.get(`${{__ENV.URL}}/v1/results?size={}`, {{ timeout: '10m' }});
           check(answer, {{ ok: (r) => r.status === 200 && r.body === null && r.error === '' }});
         }}",
        big()
    ));
    let ended = folder
        .run(&script, &target.url(), &["-q"])
        .wait_within(super::squall::PATIENCE * 5)
        .expect(0);
    assert!(ended.peak_rss < MOST, "{} MiB", ended.peak_rss / MIB);
    assert_eq!((ended.count("iterations"), target.served().completed), (4, 4));
}

#[test]
fn burst_keeps_no_bodies() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    let url = format!("{}/v1/results?size={}", target.url(), big());
    let words = ["burst", &url, "--requests", "4", "--concurrency", "2", "--timeout", "5m", "-q"];
    let ended = folder.squall(&words).wait_within(super::squall::PATIENCE * 5).expect(0);
    assert!(ended.peak_rss < MOST, "{} MiB", ended.peak_rss / MIB);
}

#[test]
fn a_body_is_kept_whole_up_to_the_limit_and_refused_beyond_it() {
    let _machine = shared();
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    let script = folder.script(
        "import http from 'k6/http';
         export const options = { vus: 1, iterations: 1 };
         export default function () {
           const say = (r) => console.log(JSON.stringify([r.status, r.error_code, r.error, r.body === null ? null : r.body.length]));
           say(http.get(`${__ENV.URL}/v1/results?size=${64 << 20}`));
           say(http.get(`${__ENV.URL}/v1/results?size=${(256 << 20) + 1}`));
           say(http.get(`${__ENV.URL}/v1/results?size=${(256 << 20) + 1}`, { responseType: 'none' }));
           say(http.get(`${__ENV.URL}/v1/results`));
         }",
    );
    let ended = folder.run(&script, &target.url(), &["-q"]).wait().expect(0);
    let said = ended.said();
    assert_eq!(said[0], r#"[200,0,"",67108864]"#);
    let limit = "response body exceeds the limit of 268435456 bytes for bodies that are kept";
    assert!(said[1].starts_with("[") && said[1].contains(limit), "{said:?}");
    assert!(!said[1].contains(",0,\""), "an error has a code: {said:?}");
    assert_eq!(said[2], r#"[200,0,"",null]"#);
    assert!(said[3].starts_with("[200,0,\"\","), "{said:?}");
    // One copy as bytes and one as the script's string, while both are needed.
    assert!(ended.peak_rss < 300 * MIB, "{} MiB", ended.peak_rss / MIB);
}

/// Answers every request with `size` zeros, compressed.
fn bomb(size: u64) -> SocketAddr {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0; MIB as usize];
    for _ in 0..size / MIB {
        packed.write_all(&zeros).unwrap();
    }
    let packed = packed.finish().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    // Ends with the process.
    let serve = move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                packed.len()
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&packed);
        }
    };
    drop(rt::thread::start("bomb", serve).unwrap());
    addr
}

#[test]
fn a_compressed_bomb_is_refused_at_the_limit() {
    let _machine = shared();
    let addr = bomb(2000 * MIB);
    let folder = Folder::new();
    let script = folder.script(
        "import http from 'k6/http';
         export const options = { vus: 1, iterations: 2 };
         export default function () {
           const r = http.get(__ENV.URL);
           console.log(JSON.stringify([r.status, r.error_code !== 0, r.error]));
         }",
    );
    let ended = folder.run(&script, &format!("http://{addr}/"), &["-q"]).wait().expect(0);
    for said in ended.said() {
        assert!(said.contains("true") && said.contains("limit"), "{said}");
    }
    // The buffer doubles as it fills, and the allocator gives the last one back with a delay.
    assert!(ended.peak_rss < 1200 * MIB, "{} MiB", ended.peak_rss / MIB);
}
