#!/usr/bin/env bash
# Puts `squall` (and a link named `k6`) on the path of the steps that follow. A `squall` that is there already is kept.
set -euo pipefail

bin=${RUNNER_TEMP:-/tmp}/squall-bin
mkdir -p "$bin"
if command -v squall >/dev/null; then
    ln -sf "$(command -v squall)" "$bin/squall"
else
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64) target=x86_64-unknown-linux-gnu ;;
        Linux-aarch64) target=aarch64-unknown-linux-gnu ;;
        Darwin-x86_64) target=x86_64-apple-darwin ;;
        Darwin-arm64) target=aarch64-apple-darwin ;;
        *) echo "no release of Squall for $(uname -sm)" >&2; exit 1 ;;
    esac
    gh release download "$VERSION" --repo "$REPOSITORY" --pattern "squall-$target.tar.gz" --output - |
        tar -xz -C "$bin"
fi
if [ "${AS_K6:-true}" = true ]; then
    ln -sf "$bin/squall" "$bin/k6"
fi
echo "$bin" >> "$GITHUB_PATH"
"$bin/squall" version
