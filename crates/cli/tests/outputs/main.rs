//! Outputs against who receives them: the real InfluxDB, Prometheus and VictoriaMetrics, receivers that keep what they
//! are sent, and receivers that are slow, dead or refuse. What the real k6 sends is recorded in `recorded/` and compared.
//!
//! * `SQUALL_K6=PATH SQUALL_RECORD=1 cargo test -p squall-cli --test outputs` writes the recordings anew; with
//!   `SQUALL_K6` alone they are compared with that k6 as well.
//! * `SQUALL_NO_SERVERS=1` leaves out the tests that need the servers (`scripts/servers.sh` installs them).
//!
//! Start reading at `program` (shared with the other tests of the command), then `capture` and `servers`.

// Tests may read the environment and stop at what is not there; the lints are for the product.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

mod boards;
mod capture;
#[path = "../support/child.rs"]
mod child;
mod losses;
#[path = "../cli/program.rs"]
#[allow(dead_code, reason = "the other test binary uses the rest")]
mod program;
mod sent;
mod servers;
mod stores;
mod wire;

use std::path::{Path, PathBuf};

/// A script whose every number but the measured ones is known beforehand: three iterations, a request in each.
pub(crate) const SCRIPT: &str = r#"
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
import http from 'k6/http';
import { check, group, sleep } from 'k6';
const counter = new Counter('my_counter');
const gauge = new Gauge('my_gauge');
const rate = new Rate('my_rate');
const trend = new Trend('my_trend');
const time = new Trend('my_time', true);
export const options = { vus: 1, iterations: 3, tags: { testid: 'a b,c=d' } };
export default function () {
  counter.add(2.5, { k: 'v' });
  gauge.add(7 + __ITER);
  rate.add(__ITER % 2);
  rate.add(true);
  trend.add(__ITER + 0.5);
  time.add(1234.5 * (__ITER + 1), { kind: 'x,"y"' });
  const res = http.get(`http://${__ENV.TARGET}/ok?q="x"`);
  group('G', () => check(res, { 'ok, "q"': (r) => r.status === 200 }));
  // No two iterations within a millisecond: stores keep one value of a moment.
  sleep(0.005);
}
"#;

fn is_on(name: &str) -> bool {
    std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0" && value != "false")
}

/// The real k6, where there is one.
fn k6() -> Option<PathBuf> {
    std::env::var_os("SQUALL_K6").filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn recorded(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/outputs/recorded").join(name)
}
