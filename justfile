# The verbs of a contributor. `just` lists them; each is one line that also works without just.

# List the verbs.
default:
    @just --list

# Install what the tests start.
setup:
    tests/setup.sh

# Build and run the main job, embedded, on data it makes itself.
demo:
    cargo run -- demo

# Check formatting and lints.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Run every test, or those that match: `just test -E 'package(quarrel-model)'`.
test *args:
    tests/run.sh {{args}}

# Check licences, sources and duplicate crates.
deny:
    cargo deny check licenses bans sources

# Measure, beside peers.
bench *args:
    tests/bench/run.sh {{args}}

# All that CI checks.
ci:
    .ci/run
