#!/usr/bin/env bash
# Installs what the tests start (servers, test runner), then runs every test. Further words go to cargo nextest.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/setup.sh
export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
cargo nextest run --workspace --no-run "$@"
# One Postgres and one S3 server for all tests that need no server of their own.
exec "${CARGO_TARGET_DIR:-target}/debug/with-servers" cargo nextest run --workspace "$@"
