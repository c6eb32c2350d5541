#!/usr/bin/env bash
# sling from one Postgres into another, whole table.
# Usage:  sling.sh SOURCE_URL TARGET_URL SLING
set -euo pipefail
# It insists on TLS unless it is told otherwise; servers of the benchmark are on loopback.
export SLING_SOURCE="$1?sslmode=disable" SLING_TARGET="$2?sslmode=disable" SLING_DISABLE_TELEMETRY=true
psql --no-psqlrc --quiet -c 'SET client_min_messages = warning; DROP SCHEMA IF EXISTS bench CASCADE; CREATE SCHEMA bench' "$2"
"$3" run --src-conn SLING_SOURCE --src-stream bench.transactions --tgt-conn SLING_TARGET --tgt-object bench.transactions \
  --mode full-refresh --primary-key id
