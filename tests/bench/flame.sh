#!/usr/bin/env bash
# tests/run bench flame CASE FILE.svg [SECONDS]: where the server spends its time in one case of nac-load.
#
# Needs perf (Debian package linux-perf), inferno-collapse-perf and inferno-flamegraph (`cargo install inferno`), and leave to
# look at processes of one's own (kernel.perf_event_paranoid). Frames that take less than half a percent are left out.
set -euo pipefail

load=$1 case=${2:?a case, as nac-load lists them} picture=${3:?a file to write} seconds=${4:-10}
for program in perf inferno-collapse-perf inferno-flamegraph; do
    command -v "$program" >/dev/null || { echo "missing: $program; see $0" >&2; exit 3; }
done
work=$(mktemp -d)
# The load lasts longer than it is looked at.
"$load" --cases "$case" --servers nac --rounds 1 --scale $((seconds * 4)) --users 256 >/dev/null 2>"$work/said" &
running=$!
trap 'kill "$running" 2>/dev/null || true; wait "$running" 2>/dev/null || true; rm -rf "$work"' EXIT
until server=$(sed -n 's/^nac is process //p' "$work/said") && [[ -n $server ]]; do
    kill -0 "$running" || { cat "$work/said" >&2; exit 1; }
    sleep 0.2
done
# Past the first logins, which fill caches.
sleep 2
perf record --quiet --freq 499 --call-graph dwarf,16384 --output "$work/perf.data" --pid "$server" -- sleep "$seconds"
perf script --input "$work/perf.data" 2>/dev/null | inferno-collapse-perf >"$work/stacks"
inferno-flamegraph --title "$case" --minwidth 0.5 <"$work/stacks" >"$picture"
