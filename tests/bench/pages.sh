#!/usr/bin/env bash
# How long the admin pages and the API take on a big database while RADIUS is answered at full speed: `tests/run bench pages`.
# Prints a Markdown table for docs/performance.md. usage: pages.sh PROGRAM [DEVICES] [DECISIONS]
set -euo pipefail

program=$1
devices=${2:-100000}
decisions=${3:-1000000}
requests=100
folder=$(mktemp -d)
server='' load=''
finish() {
    [ -z "$load" ] || { kill "$load" && wait "$load"; } 2>/dev/null || true
    [ -z "$server" ] || { kill "$server" && wait "$server" || true; } 2>/dev/null
    rm -rf "$folder"
}
trap finish EXIT

auth=18120 admin=19443
nac() { "$program" --config "$folder/home/nac.toml" "$@"; }
"$program" init "$folder/home" --name localhost --yes >/dev/null
sed -i "s/0.0.0.0:1812/127.0.0.1:$auth/; s/0.0.0.0:1813/127.0.0.1:18130/; s/0.0.0.0:8443/127.0.0.1:18443/; s/127.0.0.1:9443/127.0.0.1:$admin/; s/127.0.0.1:9812/127.0.0.1:19812/" "$folder/home/nac.toml"
printf 'bench-pages-secret-of-some-length' >"$folder/secret"
nac client add lab --address 127.0.0.0/8 --secret-file "$folder/secret" >/dev/null
awk -v n="$devices" 'BEGIN { print "mac,owner,labels"; for (i = 0; i < n; i++) printf "02:01:%02x:%02x:%02x:%02x,user-%d,printer\n", i / 16777216 % 256, i / 65536 % 256, i / 256 % 256, i % 256, i }' >"$folder/devices.csv"
nac device import "$folder/devices.csv" >&2
token=$(nac token create --name bench --role owner --expires 1d --json | sed 's/.*"token": *"\([^"]*\)".*/\1/; t; d')
# Not by the function: that would be a shell of its own, which ends without its server.
"$program" --config "$folder/home/nac.toml" serve >"$folder/serve.log" 2>&1 &
server=$!
until grep -q serving "$folder/serve.log"; do
    kill -0 "$server" 2>/dev/null || { echo "nac serve ended:" >&2; cat "$folder/serve.log" >&2; exit 1; }
    sleep 0.2
done

# One request per device, by MAC authentication; radclient sends the file again and again.
awk -v n="$devices" 'BEGIN { for (i = 0; i < n; i += 10) { m = sprintf("02-01-%02X-%02X-%02X-%02X", i / 16777216 % 256, i / 65536 % 256, i / 256 % 256, i % 256); d = tolower(m); gsub("-", "", d); printf "User-Name = \"%s\"\nUser-Password = \"%s\"\nService-Type = Call-Check\nCalling-Station-Id = \"%s\"\nNAS-IP-Address = 127.0.0.1\nMessage-Authenticator = 0x00\n\n", d, d, m } }' >"$folder/requests"
ask() { exec radclient -q -p 64 -c "$1" -f "$folder/requests" "127.0.0.1:$auth" auth "$(cat "$folder/secret")" >/dev/null 2>&1; }
began=$SECONDS
(ask $((decisions * 10 / devices))) || true
echo "$decisions decisions in $((SECONDS - began)) s" >&2

# The 50th and the 95th percentile of a page, in milliseconds.
page() {
    local url="https://localhost:$admin$1" times
    times=$(for _ in $(seq "$requests"); do
        curl -s --cacert "$folder/home/ca.crt" -H "Authorization: Bearer $token" -o /dev/null -w '%{time_total} %{http_code}\n' "$url"
    done)
    if grep -qv ' 200$' <<<"$times"; then echo "$1 is not answered: $(grep -v ' 200$' <<<"$times" | head -1)" >&2; exit 1; fi
    sort -n <<<"$times" | awk -v n="$requests" '{ t[NR] = $1 * 1000 } END { printf "%.0f | %.0f", t[int(n * 0.5)], t[int(n * 0.95)] }'
}

echo "| page | quiet: p50 ms | p95 ms | under load: p50 ms | p95 ms |"
echo "|---|---:|---:|---:|---:|"
rows=(/api/v1/overview /api/v1/devices "/api/v1/devices?q=device" "/api/v1/devices?sort=changed" /api/v1/sessions /api/v1/decisions
    "/api/v1/decisions?outcome=reject" "/api/v1/decisions?mac=02:01:00:00:00:0a" /api/v1/quarantine /api/v1/clients)
declare -A quiet
for row in "${rows[@]}"; do quiet[$row]=$(page "$row"); done
(
    trap 'kill "$client"; exit' TERM
    while :; do
        ask 10 &
        client=$!
        wait "$client" || true
    done
) &
load=$!
sleep 2
for row in "${rows[@]}"; do echo "| \`$row\` | ${quiet[$row]} | $(page "$row") |"; done
