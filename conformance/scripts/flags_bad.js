//! Flags that are refused.
//! case unknown: --foo
//! case duration: -d 1000
//! case vus: -u x
//! case tag: --tag x
//! case env: -e 1A=5
//! case mode: --summary-mode legacy
//! case stat: --summary-trend-stats foo
//! case unit: --summary-time-unit m
//! case out: --out nope
//! case compat: --compatibility-mode x
//! case stage: --stage nonsense
//! case segment: --execution-segment a
//! case dns: --dns select=foo
//! case log_output: --log-output nope
//! case config: --config not_there.json
//! case two_files: another.js
export default function () {}
