#!/usr/bin/env bash
# Runs the tests. `scripts/test.sh` needs nothing but cargo and a C compiler: the unit tests of every crate, and the program as
# its users see it, beside what was recorded of k6 and Locust. `scripts/test.sh --all`, which CI runs, adds the crates' own
# integration tests, those that take minutes, the real k6 (built once with Go), the real Locust (installed
# once into an environment of its own) and the servers that outputs and probes speak to (Debian's packages); without one
# of them it fails, unless SQUALL_NO_K6=1, SQUALL_NO_LOCUST=1 or SQUALL_NO_SERVERS=1 says so. Further words go to `cargo test`.
set -euo pipefail
cd "$(dirname "$0")/.."

is_all=
if [ "${1:-}" = --all ]; then
    is_all=1
    shift
else
    export SQUALL_NO_K6=1 SQUALL_NO_LOCUST=1 SQUALL_NO_SERVERS=1
    # Nothing runs in Python here, so the engine for it, half a minute's work, is not built into the program.
    export SQUALL_PYENGINE=none
fi

command -v cargo >/dev/null || {
    echo "test.sh: cargo is not installed; see https://rustup.rs" >&2
    exit 1
}
command -v cc >/dev/null || {
    echo "test.sh: no C compiler: the script engine is built with one (Debian: apt-get install build-essential)" >&2
    exit 1
}
if [ "${SQUALL_NO_K6:-}" != 1 ]; then
    SQUALL_K6=$(bash scripts/k6.sh) || {
        echo "test.sh: the real k6 could not be built; SQUALL_NO_K6=1 runs the tests without it" >&2
        exit 1
    }
    SQUALL_K6_SOURCE=$(bash scripts/k6.sh source)
    export SQUALL_K6 SQUALL_K6_SOURCE
fi
if [ "${SQUALL_NO_LOCUST:-}" != 1 ]; then
    SQUALL_LOCUST_PYTHON=$(bash scripts/locust.sh) || {
        echo "test.sh: Locust could not be installed; SQUALL_NO_LOCUST=1 runs the tests without it" >&2
        exit 1
    }
    export SQUALL_LOCUST_PYTHON
fi
if [ "${SQUALL_NO_SERVERS:-}" != 1 ]; then
    bash scripts/servers.sh || {
        echo "test.sh: the servers could not be installed; SQUALL_NO_SERVERS=1 runs the tests without them" >&2
        exit 1
    }
fi
if [ -z "$is_all" ]; then
    set -- --lib --bins "$@"
    for source in crates/cli/tests/*.rs crates/cli/tests/*/main.rs; do
        name=${source#crates/cli/tests/}
        name=${name%/main.rs}
        case $name in
            locust*) ;; # nothing in them runs without Locust
            robust | suite | outputs | observe) ;; # minutes: hostile servers, long runs, whole suites, receivers and probes
            *) set -- --test "${name%.rs}" "$@" ;;
        esac
    done
fi
cargo test --workspace --locked --no-fail-fast "$@"
[ -n "$is_all" ] || echo "passed; \`make test-all\` also compares Squall with the real k6, the real Locust and real servers"
