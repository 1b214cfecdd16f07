//! Runs with probes that are killed at any moment.

use std::time::Duration;

use demo::{Target, TargetConfig};

use crate::child::pause;
use crate::kept::Kept;
use crate::program::{Folder, Running};

const SCRIPT: &str = "
import http from 'k6/http';
import { sleep } from 'k6';
export const options = { vus: 1, duration: '60s' };
export default function () { http.get(`${__ENV.URL}/v1/results`); sleep(0.05); }
";

/// Looks come once a second, and on a busy machine they and their way to the file may be this late.
const LATE: Duration = Duration::from_millis(1_500);

/// xorshift64 (Marsaglia 2003), milliseconds below `bound`.
fn random_ms(state: &mut u64, bound: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % bound
}

#[test]
fn what_probes_saw_is_there_up_to_the_last_second_whenever_the_run_is_killed() {
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let folder = Folder::new();
    folder.write("t.js", SCRIPT);
    folder.write("a.log", "");
    let url = format!("URL={}", target.url());
    let mut seed = 0x5eed_5eed_0b5e_7e55;
    for batch in 0..2 {
        let start = |n: usize| {
            let record = format!("kept-{batch}-{n}");
            let words = [
                "run",
                "-q",
                "--cores",
                "1",
                "--record",
                &record,
                "-e",
                &url,
                "--observe",
                "logs=a.log:ERROR",
                "--observe",
                "redis=redis://127.0.0.1:9",
                "t.js",
            ];
            (folder.squall(&words).start(), record)
        };
        let victims: Vec<(Running, String)> = (0..5).map(start).collect();
        let began = rt::now();
        let mut moments: Vec<u64> =
            victims.iter().map(|_| 300 + random_ms(&mut seed, 4_500)).collect();
        moments.sort_unstable();
        let mut killed = Vec::new();
        for ((running, record), ms) in victims.into_iter().zip(moments) {
            let left = Duration::from_millis(ms).saturating_sub(rt::now() - began);
            pause(left.max(Duration::from_millis(1)));
            running.signal(libc::SIGKILL);
            killed.push((record, rt::unix_nanos()));
            assert_eq!(running.wait().code, None);
        }
        for (record, killed_unix_ns) in killed {
            let path = folder.path().join(&record);
            if !path.join("run.sqr").exists() {
                continue;
            }
            let kept = Kept::read(&path);
            let alive = Duration::from_nanos(killed_unix_ns - kept.run.meta.created_unix_ns);
            if alive > LATE {
                let last = kept.one("log_matches", ("log", "a")).points.last().unwrap().0;
                let missing = Duration::from_nanos(killed_unix_ns.saturating_sub(last));
                assert!(missing < LATE, "{record}: {missing:?} of {alive:?} are missing");
                assert!(!kept.values("generator_memory_bytes").is_empty(), "{record}");
                assert!(!kept.events("probe-failed", "redis").is_empty(), "{record}");
                folder
                    .squall(&["report", &record])
                    .run()
                    .expect_code(0)
                    .expect_stdout("it was killed");
            }
        }
    }
}
