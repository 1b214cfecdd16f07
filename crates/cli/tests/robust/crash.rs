//! What is left of a run that was killed.

use std::fs;
use std::time::Duration;

use demo::{Target, TargetConfig, TargetHandle};

use super::squall::{Folder, Running, pause, shared};

/// Measurements leave a core each second; on their way to the file on a busy machine they may be this late.
const LATE: Duration = Duration::from_millis(300);

struct Victim {
    target: TargetHandle,
    running: Running,
    record: String,
    killed_unix_ns: u64,
}

fn start(folder: &Folder, number: usize) -> Victim {
    let target = Target::start(TargetConfig::on_free_port()).unwrap();
    let record = folder.path().join(format!("record-{number}")).to_string_lossy().into_owned();
    let script = folder.script(
        "import http from 'k6/http';
         import { check, sleep } from 'k6';
         export const options = { vus: 4, duration: '60s', thresholds: { checks: ['rate==1'] } };
         export default function () {
           check(http.get(`${__ENV.URL}/v1/results`), { ok: (r) => r.status === 200 });
           sleep(0.02);
         }",
    );
    let url = format!("URL={}", target.url());
    let running = folder.squall(&["run", "-q", "-e", &url, "--record", &record, &script]);
    Victim { target, running, record, killed_unix_ns: 0 }
}

/// xorshift64 (Marsaglia 2003), milliseconds below `bound`.
fn random_ms(state: &mut u64, bound: u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state % bound
}

#[test]
fn a_run_killed_at_any_moment_can_be_reported_up_to_its_last_second() {
    let _machine = shared();
    let folder = Folder::new();
    let mut seed = 0x5eed_5eed_5eed_5eed;
    for batch in 0..2 {
        let mut victims: Vec<Victim> = (0..5).map(|n| start(&folder, batch * 5 + n)).collect();
        let mut moments: Vec<(u64, usize)> =
            (0..victims.len()).map(|n| (200 + random_ms(&mut seed, 4300), n)).collect();
        moments.sort_unstable();
        let start = rt::now();
        for (ms, n) in &moments {
            let left = Duration::from_millis(*ms).saturating_sub(rt::now() - start);
            pause(left.max(Duration::from_millis(1)));
            let victim = &mut victims[*n];
            victim.running.signal(libc::SIGKILL);
            victim.killed_unix_ns = rt::unix_nanos();
        }
        for victim in victims {
            check(&folder, victim);
        }
    }
}

fn check(folder: &Folder, mut victim: Victim) {
    assert_eq!(victim.running.wait_within(Duration::from_secs(10)).code, None);
    let before_ns = victim.killed_unix_ns - (Duration::from_secs(1) + LATE).as_nanos() as u64;
    let log = victim.target.log();
    let surely = log.iter().filter(|entry| entry.arrival_unix_ns < before_ns).count() as u64;
    let at_most = log.len() as u64 + 4; // those in flight may be known to one side only
    if surely == 0 && fs::metadata(&victim.record).is_err() {
        return; // killed before it began
    }
    let ended = folder.squall(&["report", &victim.record]).wait();
    if surely == 0 && !ended.stdout.contains("http_reqs") {
        // Nothing was measured yet: an empty summary, or a clear word about it.
        assert!(!ended.stderr.contains("panicked") && ended.code.is_some(), "{ended:?}");
        return;
    }
    let ended = ended.expect(0);
    let (requests, iterations) = (ended.count("http_reqs"), ended.count("iterations"));
    assert!(requests >= surely, "{requests} of {surely}\n{}", ended.stdout);
    assert!(requests <= at_most, "{requests} of at most {at_most}\n{}", ended.stdout);
    assert!(iterations <= requests && iterations + 8 >= surely, "{iterations} of {surely}");
    assert!(ended.count("checks_total") >= surely, "{}", ended.stdout);
    assert!(ended.stdout.contains("✓ 'rate==1'"), "{}", ended.stdout);
}

#[test]
fn a_record_that_is_cut_anywhere_is_reported_as_far_as_it_goes() {
    let _machine = shared();
    let folder = Folder::new();
    let mut victim = start(&folder, 99);
    pause(Duration::from_millis(3300));
    victim.running.signal(libc::SIGKILL);
    victim.running.wait_within(Duration::from_secs(10));
    let whole: Vec<_> = fs::read_dir(&victim.record)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter_map(|path| fs::read(&path).ok().map(|bytes| (path, bytes)))
        .collect();
    let mut seed = 0x0dd5_eed5;
    for round in 0..12 {
        let mut runs = Vec::new();
        for (path, bytes) in &whole {
            let cut = random_ms(&mut seed, bytes.len().max(1) as u64) as usize;
            let copy = folder.path().join(format!("cut-{round}-{}", runs.len()));
            fs::create_dir_all(&copy).unwrap();
            for (other, content) in &whole {
                let mut content = content.clone();
                if other == path && round % 2 == 0 {
                    content.truncate(cut);
                } else if other == path {
                    content[cut] ^= 0x55;
                }
                fs::write(copy.join(other.file_name().unwrap()), content).unwrap();
            }
            runs.push(folder.squall(&["report", &copy.to_string_lossy()]));
        }
        for running in runs {
            let ended = running.wait();
            assert!(!ended.stderr.contains("panicked"), "{ended:?}");
            assert!(
                ended.code == Some(0) || ended.code == Some(255) && !ended.stderr.is_empty(),
                "{ended:?}"
            );
        }
    }
}
