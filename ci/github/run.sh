#!/usr/bin/env bash
# Runs each script of $SCRIPTS (one a line) with $FLAGS. Reports go to $RESULTS and to the job's summary page.
set -euo pipefail

results=${RESULTS:-results}
mkdir -p "$results"
summary=()
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    summary=(--report github)
fi
# Split as the shell would, but without running anything in them.
flags=()
if [ -n "${FLAGS:-}" ]; then
    mapfile -t flags < <(xargs -n1 printf '%s\n' <<< "$FLAGS")
fi
code=0
while IFS= read -r script; do
    script=$(sed 's/^[[:space:]]*//; s/[[:space:]]*$//' <<< "$script")
    if [ -z "$script" ]; then
        continue
    fi
    name=$(basename "$script")
    status=0
    squall run "${flags[@]}" "${summary[@]}" --report "junit=$results/${name%.*}.junit.xml" \
        --report "markdown=$results/${name%.*}.md" "$script" < /dev/null || status=$?
    if [ "$code" = 0 ]; then
        code=$status
    fi
done <<< "${SCRIPTS:-}"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    echo "exit-code=$code" >> "$GITHUB_OUTPUT"
fi
exit "$code"
