#!/usr/bin/env bash
# Squall beside wrk, hey and k6 on this machine. `bench/run.sh --help` lists cases and flags; README.md says how to read
# what it prints. It installs nothing: what is missing is named, with the way to get it.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v python3 >/dev/null || {
    echo "bench: python3 is not installed (Debian: apt-get install python3)" >&2
    exit 2
}
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || {
    echo "bench: needs Python 3.9 or newer, found $(python3 --version)" >&2
    exit 2
}
PYTHONPATH=bench PYTHONDONTWRITEBYTECODE=1 exec python3 -m lab "$@"
