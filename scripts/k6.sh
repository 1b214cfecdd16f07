#!/usr/bin/env bash
# Builds the pinned k6 that Squall is compared with, once, and prints where it is. `k6.sh source` prints where its
# source is, fetched if need be: tests run its example scripts.
#
# `go install go.k6.io/k6/v2@…` asks the module's own host for its newest version, which a machine with nothing but a
# module proxy can't reach; a throw-away module that requires the pinned version needs the proxy only.
set -euo pipefail

version=v2.2.0
if [ "${1:-}" = source ]; then
    command -v go >/dev/null || { echo "k6.sh: go is not installed" >&2; exit 1; }
    cd /
    go mod download -json "go.k6.io/k6/v2@$version" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p'
    exit
fi
dir=${XDG_CACHE_HOME:-$HOME/.cache}/squall/k6-$version
if [ -x "$dir/k6" ]; then
    echo "$dir/k6"
    exit 0
fi
command -v go >/dev/null || { echo "k6.sh: go is not installed; k6 is built with it" >&2; exit 1; }
mkdir -p "$dir"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > go.mod <<EOF
module squall-reference-k6
go 1.24
EOF
cat > main.go <<'EOF'
package main

import "go.k6.io/k6/v2/cmd"

func main() { cmd.Execute() }
EOF
export GOFLAGS=-mod=mod
go get "go.k6.io/k6/v2@$version" >&2
# Built beside its place and then moved, so that two at once do not write into one file.
go build -o "$work/k6" go.k6.io/k6/v2 >&2
mv "$work/k6" "$dir/k6.$$"
mv "$dir/k6.$$" "$dir/k6"
echo "$dir/k6"
