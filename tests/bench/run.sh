#!/usr/bin/env bash
# The benchmark, in one command: sets up the peers, builds Quarrel and the benchmark for release, and runs them.
# Arguments go to `quarrel-bench run`, e.g. tests/bench/run.sh --only reduce,load --runs 3
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"

# The servers (PostgreSQL, SeaweedFS) are those of the tests.
if [ -x tests/setup.sh ]; then tests/setup.sh; fi
python="$(tests/bench/peers/setup_peers.sh)"

# The whole workspace: selecting packages would give shared dependencies other features, and build them again.
cargo build --release --workspace
target="${CARGO_TARGET_DIR:-$root/target}"
exec "$target/release/quarrel-bench" run --quarrel "$target/release/quarrel" --python "$python" "$@"
