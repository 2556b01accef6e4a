#!/bin/sh
# Starts the built-in target on a free port, runs the quickstart against it and
# stops it again. Called by `make demo`.
set -eu
cd "$(dirname "$0")/.."

address=$(mktemp)
./swarm target --listen 127.0.0.1:0 --latency lognormal:8ms,0.4 >"$address" &
target=$!
trap 'kill "$target" 2>/dev/null; wait "$target" 2>/dev/null; rm -f "$address"' EXIT INT TERM

tries=0
until url=$(grep -o 'http://[^ ]*' "$address"); do
  tries=$((tries + 1))
  [ "$tries" -le 100 ] || { echo "the target did not start" >&2; exit 1; }
  sleep 0.05
done
echo "target: $url"
./swarm run -e "TARGET=$url" samples/quickstart.js
