#!/usr/bin/env bash
# Fuzzes the parsers of foreign bytes with libFuzzer, on the stable toolchain: coverage is asked of LLVM with plain flags.
# `scripts/fuzz.sh` gives every target a minute; `scripts/fuzz.sh 600 response proto_json` gives ten to two of them. Inputs
# that reach something new stay in target/fuzz/found for the next time, beside the corpus that is kept in git; a crash ends
# with a failure and names its file.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
[ $# -eq 0 ] || shift
case "$seconds" in
    '' | *[!0-9]*)
        echo "usage: scripts/fuzz.sh [SECONDS [TARGET...]]" >&2
        exit 2
        ;;
esac

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/fuzz
export RUSTFLAGS="--cfg fuzzing -Cdebug-assertions=on -Coverflow-checks=on -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
RUSTFLAGS=$(echo $RUSTFLAGS)
# An explicit target keeps the flags from build scripts and procedural macros.
host=$(rustc -vV | sed -n 's/^host: //p')

wanted() { [ $# -eq 1 ] || printf '%s\n' "${@:2}" | grep -qx -- "$1"; }

failed=()
for manifest in fuzz/Cargo.toml crates/*/fuzz/Cargo.toml; do
    home=$(dirname "$manifest")
    for source in "$home"/fuzz_targets/*.rs; do
        target=$(basename "$source" .rs)
        wanted "$target" "$@" || continue
        cargo build --quiet --release --target "$host" --manifest-path "$manifest" --bin "$target"
        program=$CARGO_TARGET_DIR/$host/release/$target
        corpus=$home/corpus/$target
        found=$CARGO_TARGET_DIR/found/$target
        mkdir -p "$corpus" "$found"
        echo "$target: $seconds s"
        if ! "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -close_fd_mask=1 -verbosity=0 \
            -artifact_prefix="$CARGO_TARGET_DIR/$target-" "$found" "$corpus"; then
            failed+=("$target")
        fi
    done
done
if [ ${#failed[@]} -gt 0 ]; then
    printf 'fuzz.sh: %s failed; the input is %s\n' "${failed[*]}" "$CARGO_TARGET_DIR/TARGET-*" >&2
    exit 1
fi
