#!/usr/bin/env bash
# Makes the wheel: the program, the Python package that lies over Locust, and its engine. Prints where it is.
# `wheel.sh DIR` puts it elsewhere than into target/wheels.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
out=${1:-$target/wheels}
maturin=1.16.0
tools=$target/maturin-$maturin
if ! [ -x "$tools/bin/maturin" ]; then
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$name" -m venv "$tools" >&2
            break
        fi
    done
    "$tools/bin/python3" -m pip install --quiet --disable-pip-version-check "maturin==$maturin" >&2 || {
        rm -rf "$tools"
        echo "wheel.sh: maturin $maturin could not be installed; it needs Python 3.11 or later" >&2
        exit 1
    }
fi
cargo build --quiet --release --locked --package squall-cli >&2
mkdir -p crates/pyengine/squall.data/scripts "$out"
cp "$target/release/squall" crates/pyengine/squall.data/scripts/squall
trap 'rm -rf crates/pyengine/squall.data' EXIT
# Where the build script of `locust` has compiled most of it already.
"$tools/bin/maturin" build --quiet --release --locked --target-dir "$target/pyengine" \
    --manifest-path crates/pyengine/Cargo.toml --out "$out" >&2
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
ls "$out/squall-$version"-*.whl
