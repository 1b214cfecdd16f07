#!/usr/bin/env bash
# Runs every test. With the real k6 if it can be built; without it only if SQUALL_NO_K6=1 says so. With a Python that has
# the real Locust; without it only if SQUALL_NO_LOCUST=1 says so. Against the real servers of outputs; without them only if
# SQUALL_NO_SERVERS=1 says so.
set -euo pipefail
cd "$(dirname "$0")/.."

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
cargo test --workspace --locked --no-fail-fast "$@"
