#!/usr/bin/env bash
# pgloader from one Postgres into another, with the settings its documentation gives for speed.
# Usage:  pgloader.sh SOURCE_URL TARGET_URL SCRATCH_FOLDER
set -euo pipefail
psql --no-psqlrc --quiet -c 'SET client_min_messages = warning; DROP SCHEMA IF EXISTS bench CASCADE' "$2"
cat >"$3/pgloader.load" <<LOAD
LOAD DATABASE FROM $1 INTO $2
WITH include drop, create tables, create indexes, reset no sequences, workers = 4, concurrency = 2, batch rows = 25000,
     prefetch rows = 100000
INCLUDING ONLY TABLE NAMES MATCHING 'transactions' IN SCHEMA 'bench';
LOAD
pgloader --on-error-stop --root-dir "$3/pgloader" "$3/pgloader.load"
