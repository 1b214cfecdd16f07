//! Several processes, each with its segment of one test: together they are the whole test, as the target sees it.

use std::collections::{BTreeMap, BTreeSet};

use demo::{Target, TargetConfig};

use crate::program::Folder;

/// Each iteration says with its request who it is: scenario, its number in the test, its VU in the test.
const SCRIPT: &str = "
import http from 'k6/http';
import exec from 'k6/execution';
export const options = { scenarios: {
  shared: { executor: 'shared-iterations', vus: 5, iterations: 23 },
  own: { executor: 'per-vu-iterations', vus: 7, iterations: 3 },
  arrivals: { executor: 'constant-arrival-rate', rate: 25, duration: '2s', preAllocatedVUs: 8 },
  ramp: { executor: 'ramping-arrival-rate', startRate: 10, stages: [{ target: 40, duration: '2s' }],
          preAllocatedVUs: 8 },
} };
export default function () {
  const { scenario, vu } = exec;
  http.get(`${__ENV.URL}/it/${scenario.name}/${scenario.iterationInTest}/${vu.idInTest}/${__ENV.PROCESS}`);
}
";

const SEGMENTS: [&str; 3] = ["0:1/4", "1/4:1/2", "1/2:1"];

#[test]
fn processes_with_their_segments_add_up_to_the_whole_test() {
    let (target, folder) = (Target::start(TargetConfig::on_free_port()).unwrap(), Folder::new());
    folder.write("t.js", SCRIPT);
    let url = format!("URL={}", target.url());
    let running: Vec<_> = SEGMENTS
        .iter()
        .enumerate()
        .map(|(number, segment)| {
            folder
                .squall(&[
                    "run",
                    "--quiet",
                    "--execution-segment",
                    segment,
                    "--execution-segment-sequence",
                    "0,1/4,1/2,1",
                    "-e",
                    &url,
                    "-e",
                    &format!("PROCESS={number}"),
                    "t.js",
                ])
                .start()
        })
        .collect();
    for process in running {
        process.wait().expect_code(0);
    }
    // Number in the test, VU and process of each scenario's iterations.
    let seen = |scenario: &str| -> Vec<[u64; 3]> {
        let prefix = format!("/it/{scenario}/");
        let read = |path: &str| -> Option<[u64; 3]> {
            let numbers: Vec<u64> =
                path.strip_prefix(&prefix)?.split('/').filter_map(|n| n.parse().ok()).collect();
            numbers.try_into().ok()
        };
        let mut seen: Vec<[u64; 3]> =
            target.log().iter().filter_map(|entry| read(&entry.path)).collect();
        seen.sort_unstable();
        seen
    };
    let numbers = |scenario: &str| seen(scenario).iter().map(|it| it[0]).collect::<Vec<u64>>();
    assert_eq!(numbers("shared"), (0..23).collect::<Vec<_>>());
    assert_eq!(numbers("arrivals"), (0..50).collect::<Vec<_>>());
    // ∫ from 10/s to 40/s over 2 s; the fiftieth falls on the very end, which may or may not run.
    let ramp = numbers("ramp");
    assert!(ramp.len() == 50 || ramp.len() == 49, "{ramp:?}");
    assert_eq!(ramp, (0..ramp.len() as u64).collect::<Vec<_>>());
    let own = seen("own");
    let vus: BTreeSet<u64> = own.iter().map(|it| it[1]).collect();
    assert_eq!((own.len(), vus.len()), (21, 7), "three iterations for each of seven VUs: {own:?}");
    let mut process_of: BTreeMap<u64, u64> = BTreeMap::new();
    for [_, vu, process] in ["shared", "own", "arrivals", "ramp"].iter().flat_map(|s| seen(s)) {
        assert_eq!(
            *process_of.entry(vu).or_insert(process),
            process,
            "VU {vu} is in two processes"
        );
    }
}
