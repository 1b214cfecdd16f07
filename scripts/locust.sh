#!/usr/bin/env bash
# Makes a Python environment with the pinned Locust that Squall is compared with, once, and prints its Python.
# `locust.sh VERSION` makes one with another version beside it.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:-2.47.0}
dir=${CARGO_TARGET_DIR:-$PWD/target}/locust-$version
# What the pinned one depends on is pinned too, as some of it stands in requests; numpy and pandas are what the seeds use.
# FastAPI is loaded by `burst --asgi`.
packages=("locust==$version" numpy==2.4.6 pandas==3.1.1 fastapi==0.165.0)
if [ "$version" = 2.47.0 ]; then
    packages+=(gevent==26.9.0 geventhttpclient==2.6.1 greenlet==3.5.6 requests==2.34.2 brotli==1.2.1)
fi
is_complete() { [ -x "$dir/bin/python3" ] && [ "$(cat "$dir/complete" 2>/dev/null)" = "${packages[*]}" ]; }
if is_complete; then
    echo "$dir/bin/python3"
    exit 0
fi
find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "locust.sh: no Python 3.11 or later; Locust needs one" >&2
    exit 1
}
python=$(find_python)
mkdir -p "$(dirname "$dir")"
# One at a time: two test runs may start together.
exec 9>"$dir.lock"
flock 9
if ! is_complete; then
    rm -rf "$dir"
    "$python" -m venv "$dir" >&2
    "$dir/bin/python3" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >&2
    echo "${packages[*]}" > "$dir/complete"
fi
echo "$dir/bin/python3"
