#!/usr/bin/env bash
# sling from one Postgres into another, whole table.
# Usage:  sling.sh SOURCE_URL TARGET_URL SLING
set -euo pipefail
export SLING_SOURCE=$1 SLING_TARGET=$2 SLING_DISABLE_TELEMETRY=true
psql --no-psqlrc --quiet -c 'SET client_min_messages = warning; DROP SCHEMA IF EXISTS bench CASCADE; CREATE SCHEMA bench' "$2"
"$3" run --src-conn SLING_SOURCE --src-stream bench.transactions --tgt-conn SLING_TARGET --tgt-object bench.transactions \
  --mode full-refresh --primary-key id
