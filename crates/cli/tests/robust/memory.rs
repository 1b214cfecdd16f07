//! Memory that does not grow with time, and grows little with what scripts invent.

use std::time::Duration;

use demo::{Target, TargetConfig};

use super::squall::{Folder, is_slow, pause, shared};

const MIB: u64 = 1 << 20;

#[test]
fn memory_does_not_grow_with_time() {
    let _machine = shared();
    // From `settled` to `end` at `rate`, growth at most `bound`. Within seconds the VUs' heaps still fill up to their
    // first collection and then breathe by some MiB, so the short form only shows that nothing is kept of each request
    // (25 bytes would be too much).
    // On a busy machine it takes more VUs, which is growth of another kind: it has a fixed number and drops the rest.
    let (rate, settled, end, bound, most) =
        if is_slow() { (20_000, 120, 600, 2 * MIB, 400) } else { (20_000, 14, 40, 8 * MIB, 20) };
    let config = TargetConfig { log: false, ..TargetConfig::on_free_port() };
    let target = Target::start(config).unwrap();
    let folder = Folder::new();
    let script = folder.script(&format!(
        "import http from 'k6/http';
         import {{ check }} from 'k6';
         export const options = {{ scenarios: {{ s: {{
           executor: 'constant-arrival-rate', rate: {rate}, timeUnit: '1s', duration: '{}s',
           preAllocatedVUs: {}, maxVUs: {most} }} }} }};
         export default function () {{
           const answer = http.get(`${{__ENV.URL}}/v1/results`, {{ tags: {{ kind: `k${{__ITER % 7}}` }} }});
           check(answer, {{ ok: (r) => r.status === 200, json: (r) => r.json('total') !== 0 }});
         }}",
        end + 5,
        most.min(50)
    ));
    let record = folder.path().join("record").to_string_lossy().into_owned();
    let url = format!("URL={}", target.url());
    let mut running = folder.squall(&["run", "-q", "-e", &url, "--record", &record, &script]);
    let start = rt::now();
    let mut seen = Vec::new();
    loop {
        pause(Duration::from_millis(500));
        let second = (rt::now() - start).as_secs();
        if second >= end {
            break;
        }
        if second >= settled {
            seen.push(running.rss().expect("it runs"));
        }
    }
    // What was kept shows in the low of a window; above it memory moves with what is on its way (5 % and more).
    let third = (seen.len() / 3).clamp(1, 120);
    let low = |part: &[u64]| part.iter().copied().min().unwrap_or(0);
    let (first, last) = (low(&seen[..third]), low(&seen[seen.len() - third..]));
    println!("{:.1} MiB, then {:.1} MiB", first as f64 / MIB as f64, last as f64 / MIB as f64);
    assert!(last <= first + bound, "from {first} to {last} bytes");
    let ended = running.wait_within(super::squall::PATIENCE).expect(0);
    assert!(ended.count("http_reqs") >= rate * end / 4, "{}", ended.stdout);
}

#[test]
fn a_hundred_thousand_distinct_urls_stay_under_512_mb_and_the_tag_to_blame_is_named() {
    let _machine = shared();
    let config = TargetConfig { log: false, ..TargetConfig::on_free_port() };
    let target = Target::start(config).unwrap();
    let folder = Folder::new();
    let script = folder.script(
        "import http from 'k6/http';
         import exec from 'k6/execution';
         export const options = { vus: 20, iterations: 100000 };
         export default function () {
           http.get(`${__ENV.URL}/v1/results?n=${exec.scenario.iterationInTest}`);
         }",
    );
    let url = format!("URL={}", target.url());
    let mut running = folder.squall(&["run", "-q", "-e", &url, "--record", "record", &script]);
    let ended = running.wait_within(super::squall::PATIENCE * 3).expect(0);
    println!("{} MiB in {:?}", ended.peak_rss / MIB, ended.took);
    assert!(ended.peak_rss < 512_000_000, "{} MiB", ended.peak_rss / MIB);
    assert_eq!(ended.count("http_reqs"), 100_000);
    let all = format!("{}\n{}", ended.stdout, ended.stderr);
    assert!(all.contains("url") && all.contains("time series"), "{all}");
}
