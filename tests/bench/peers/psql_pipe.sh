#!/usr/bin/env bash
# The yardstick of a direct load: psql's \copy piped into psql's \copy, binary, in STREAMS streams over ranges of pages; then the
# primary key and the statistics, as a full load makes them.
# Usage:  psql_pipe.sh SOURCE_URL TARGET_URL STREAMS
set -euo pipefail
source=$1 target=$2 streams=$3
psql_() { psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "$@"; }

psql_ "$target" <<'SQL'
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
SQL
pg_dump --schema-only --section=pre-data --no-owner --table=bench.transactions "$source" | psql_ "$target" >/dev/null
pages=$(psql_ -c "SELECT pg_relation_size('bench.transactions') / current_setting('block_size')::bigint + 1" "$source")
step=$(((pages + streams - 1) / streams))
pids=()
for ((stream = 0; stream < streams; stream++)); do
  from=$((stream * step)) to=$(((stream + 1) * step))
  psql_ -c "\\copy (SELECT * FROM bench.transactions WHERE ctid >= '($from,0)' AND ctid < '($to,0)') TO STDOUT (FORMAT binary)" "$source" |
    psql_ -c '\copy bench.transactions FROM STDIN (FORMAT binary)' "$target" &
  pids+=($!)
done
for pid in "${pids[@]}"; do wait "$pid"; done
psql_ -c 'ALTER TABLE bench.transactions ADD PRIMARY KEY (id)' -c 'ANALYZE bench.transactions' "$target"
